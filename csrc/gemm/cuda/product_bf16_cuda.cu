// Products of bf16, by tensor cores.
#include "gemm/cuda/tensor_launch.h"

namespace lmspt::cuda {

void multiply_bf16(const KernelContext& context, const Product& p, const ProductChoice& choice) {
  launch_tensor_product<Bf16>(context, p, choice);
}

}  // namespace lmspt::cuda

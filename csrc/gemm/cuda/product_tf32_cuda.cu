// Products of tf32, by tensor cores.
#include "gemm/cuda/tensor_launch.h"

namespace lmspt::cuda {

void multiply_tf32(const KernelContext& context, const Product& p, const ProductChoice& choice) {
  launch_tensor_product<Tf32>(context, p, choice);
}

}  // namespace lmspt::cuda

// Products of operands that are sums of two bf16 numbers, three products for each, by tensor cores.
#include "gemm/cuda/tensor_launch.h"

namespace lmspt::cuda {

void multiply_bf16x3(const KernelContext& context, const Product& p, const ProductChoice& choice) {
  launch_tensor_product<Bf16x3>(context, p, choice);
}

}  // namespace lmspt::cuda

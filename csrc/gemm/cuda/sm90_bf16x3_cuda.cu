// Products of warp groups in bf16 in three products.
#include "gemm/cuda/arithmetic.h"
#include "gemm/cuda/sm90_kernel.h"

namespace lmspt::cuda {

void multiply_sm90_bf16x3(const KernelContext& context, Sm90Product& product, const Sm90Choice& choice) {
  launch_sm90_product<Bf16x3>(context, product, choice);
}

}  // namespace lmspt::cuda

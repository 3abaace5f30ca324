// Products of warp groups in bf16.
#include "gemm/cuda/arithmetic.h"
#include "gemm/cuda/sm90_kernel.h"

namespace lmspt::cuda {

void multiply_sm90_bf16(const KernelContext& context, Sm90Product& product, const Sm90Choice& choice) {
  launch_sm90_product<Bf16>(context, product, choice);
}

}  // namespace lmspt::cuda

// Weight gradients of warp groups in bf16.
#include "gemm/cuda/arithmetic.h"
#include "gemm/cuda/sm90_outer_kernel.h"

namespace lmspt::cuda {

void sum_sm90_bf16(const KernelContext& context, Sm90Outer& product, const Sm90Choice& choice) {
  launch_sm90_sums<Bf16>(context, product, choice);
}

}  // namespace lmspt::cuda

// Products of warp groups in tf32.
#include "gemm/cuda/arithmetic.h"
#include "gemm/cuda/sm90_kernel.h"

namespace lmspt::cuda {

void multiply_sm90_tf32(const KernelContext& context, Sm90Product& product, const Sm90Choice& choice) {
  launch_sm90_product<Tf32>(context, product, choice);
}

}  // namespace lmspt::cuda

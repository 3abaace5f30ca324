// Products along K of bf16 numbers, by tensor cores.
#include "gemm/cuda/outer_tensor.h"

namespace lmspt::cuda {

void sum_bf16(const KernelContext& context, const OuterProduct& o, const OuterChoice& choice) {
  launch_tensor_sums<Bf16>(context, o, choice);
}

}  // namespace lmspt::cuda

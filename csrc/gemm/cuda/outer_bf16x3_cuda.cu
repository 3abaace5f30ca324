// Products along K of sums of two bf16 numbers, three products for each, by tensor cores.
#include "gemm/cuda/outer_tensor.h"

namespace lmspt::cuda {

void sum_bf16x3(const KernelContext& context, const OuterProduct& o, const OuterChoice& choice) {
  launch_tensor_sums<Bf16x3>(context, o, choice);
}

}  // namespace lmspt::cuda

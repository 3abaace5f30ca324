// Products along K of tf32 numbers, by tensor cores.
#include "gemm/cuda/outer_tensor.h"

namespace lmspt::cuda {

void sum_tf32(const KernelContext& context, const OuterProduct& o, const OuterChoice& choice) {
  launch_tensor_sums<Tf32>(context, o, choice);
}

}  // namespace lmspt::cuda

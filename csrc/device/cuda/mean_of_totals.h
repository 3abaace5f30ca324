// The second pass of a mean whose first one leaves a total for each piece.
#pragma once

#include "device/cuda/groups.h"

namespace lmspt::cuda {

// One block.
static __global__ void mean_of_totals_kernel(const double* totals, int64_t count, double values, float* out) {
  double total = 0;
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) total += totals[i];
  total = BlockGroup::reduce(total, Add());
  if (threadIdx.x == 0) *out = static_cast<float>(total / values);
}

// What `count` totals have together over the number of values they are of.
inline void mean_of_totals(const KernelContext& context, const double* totals, int64_t count, double values,
                           float* out) {
  launch_blocks(context, mean_of_totals_kernel, 1, kThreads, totals, count, values, out);
}

}  // namespace lmspt::cuda

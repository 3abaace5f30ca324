// Copies with strides on CUDA, and what all copies share. All element types are four bytes wide and are moved as such.
#pragma once

#include "device/cuda/launch.h"
#include "ops/layout/copy_plan.h"

namespace lmspt::cuda {

inline int32_t* words(const Tensor& tensor) { return static_cast<int32_t*>(tensor.data); }

// Whether 32 bits hold all positions: dividing is the slow part of finding them.
inline bool fits_int(int64_t count) { return count <= INT32_MAX; }

// The first input to the first output.
void run_copy(const KernelContext& context, const CopyPlan& plan);

}  // namespace lmspt::cuda

// The kernels of conv1d that have files of their own.
#pragma once

#include "ops/conv1d/conv1d.h"

namespace lmspt::cuda {

// Weights as they are, (O, I / groups, k): depthwise, or so few outputs that a product would be empty.
void conv1d_direct(const KernelContext& context);

// Whether x may be bf16 numbers there.
bool reads_bf16_directly(const Conv1dGeometry& g);

void conv1d_weight_grad(const KernelContext& context);

}  // namespace lmspt::cuda

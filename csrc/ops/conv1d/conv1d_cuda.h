// The kernels of conv1d that have files of their own.
#pragma once

#include "device/kernel.h"

namespace lmspt::cuda {

// Weights as they are, (O, I / groups, k): depthwise, or so few outputs that a product would be empty.
void conv1d_direct(const KernelContext& context);

void conv1d_weight_grad(const KernelContext& context);

}  // namespace lmspt::cuda

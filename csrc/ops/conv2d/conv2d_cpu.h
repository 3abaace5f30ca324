// The kernels of conv2d that have files of their own. Include only from *_cpu.cc files.
#pragma once

#include "device/kernel.h"
#include "ops/conv2d/conv2d.h"

namespace lmspt::LMSPT_ISA {

void conv2d_weight_grad(const KernelContext& context);

}  // namespace lmspt::LMSPT_ISA

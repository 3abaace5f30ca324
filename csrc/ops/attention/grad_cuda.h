#pragma once

#include "device/kernel.h"

namespace lmspt::cuda {

void attention_grad(const KernelContext& context);

}  // namespace lmspt::cuda

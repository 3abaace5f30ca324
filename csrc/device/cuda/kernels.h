// The kernels of the CUDA library by op name. The list of families is csrc/ops/families.def.
#pragma once

#include "device/kernel.h"

namespace lmspt::cuda {

Kernel find_kernel(const char* op);  // null where there is none

}  // namespace lmspt::cuda

// The kernels of the CUDA library by op name. The list of families is csrc/ops/families.def.
#pragma once

#include "device/kernel.h"

namespace lmspt::cuda {

struct KnownKernel {
  Kernel kernel = nullptr;
  Bf16Ports bf16;
  UnroundedPorts unrounded = nullptr;
  Preparing prepares = nullptr;
};

KnownKernel find_kernel(const char* op);  // without a kernel where there is none

}  // namespace lmspt::cuda

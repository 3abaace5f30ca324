// One GPU as a device: a stream on which everything happens in order, memory, an arena.
#pragma once

#include <memory>

#include "device/device.h"

namespace lmspt::cuda {

// `index` must be one of the driver's devices. The context is made by the first use, not here, since that takes long.
std::unique_ptr<Device> make_cuda_device(int index);

// "NVIDIA H200, compute capability 9.0, 139.8 GiB"
std::string describe_device(int index);

}  // namespace lmspt::cuda

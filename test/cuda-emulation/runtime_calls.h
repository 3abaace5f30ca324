// What the calls of the runtime share.
#pragma once

#include "cuda-emulation/runtime.h"

namespace lmspt::emulation {

// Keeps an error for cudaGetLastError and returns its code.
cudaError_t remember(const Failure& failure);
cudaError_t remember(cudaError_t code);

DeviceState* current();  // of the calling thread; null where there is none
DeviceState* device_of(int index);
lmsptEmulatedStream* stream_of(DeviceState& device, cudaStream_t stream);  // null where it is none of the device's
bool is_pinned(const void* memory);
Failure drain_all(DeviceState& device);
Failure refuse_during_capture(DeviceState& device);
cudaError_t enqueue(DeviceState& device, lmsptEmulatedStream& stream, Work work);

}  // namespace lmspt::emulation

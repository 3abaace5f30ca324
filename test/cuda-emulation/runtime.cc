// The calls of the CUDA runtime: devices, errors, memory, copies.
#include "cuda-emulation/runtime.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>

#include "cuda-emulation/block.h"
#include "cuda-emulation/forget.h"
#include "cuda-emulation/memory_text.h"
#include "cuda-emulation/runtime_calls.h"
#include "cuda-emulation/settings.h"
#include "cuda-emulation/symbols.h"

namespace lmspt::emulation {

Runtime::Runtime() {
  for (int i = 0; i < settings().devices; ++i) {
    devices.push_back(std::make_unique<DeviceState>(i));
    devices.back()->default_stream.device = i;
  }
}

Runtime& Runtime::get() {
  static Runtime& runtime = *new Runtime;  // outlives what other libraries hold at the end
  return runtime;
}

std::string describe_device_address(uintptr_t address) {
  const size_t index = (address - device_range.base) / kDeviceSpace;
  Runtime& runtime = Runtime::get();
  if (index >= runtime.devices.size()) return "of no device";
  std::string text = runtime.devices[index]->memory.describe(address);
  if (block.launch && block.launch->device != static_cast<int>(index)) text += " on device " + std::to_string(index);
  return text;
}

std::string describe_shared_address(uintptr_t address) {
  if (address - reach.dynamic < kMaxClusters * kMaxShared) {
    return "byte " + std::to_string((address - reach.dynamic) % kMaxShared) + " of the dynamic part";
  }
  return object_name(reinterpret_cast<const void*>(address));
}

namespace {

thread_local int current_device = 0;
thread_local cudaError_t last_error = cudaSuccess;
thread_local std::string last_text;

Failure memory_failure(const std::string& what) { return {cudaErrorIllegalAddress, what}; }

const char* plain_text(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInvalidConfiguration: return "invalid configuration argument";
    case cudaErrorInsufficientDriver: return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice: return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice: return "invalid device ordinal";
    case cudaErrorNoKernelImageForDevice: return "no kernel image is available for execution on the device";
    case cudaErrorInvalidResourceHandle: return "invalid resource handle";
    case cudaErrorNotReady: return "device not ready";
    case cudaErrorIllegalAddress: return "an illegal memory access was encountered";
    case cudaErrorMisalignedAddress: return "misaligned address";
    case cudaErrorLaunchFailure: return "unspecified launch failure";
    case cudaErrorNotSupported: return "operation not supported";
    case cudaErrorStreamCaptureUnsupported: return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated: return "operation failed due to a previous error during capture";
    case cudaErrorStreamCaptureUnjoined: return "capturing stream has unjoined work";
    case cudaErrorUnknown: return "unknown error";
  }
  return "unrecognized error code";
}

const char* name_of(cudaError_t error) {
#define LMSPT_NAME(name) \
  case name: return #name;
  switch (error) {
    LMSPT_NAME(cudaSuccess)
    LMSPT_NAME(cudaErrorInvalidValue)
    LMSPT_NAME(cudaErrorMemoryAllocation)
    LMSPT_NAME(cudaErrorInvalidConfiguration)
    LMSPT_NAME(cudaErrorInsufficientDriver)
    LMSPT_NAME(cudaErrorNoDevice)
    LMSPT_NAME(cudaErrorInvalidDevice)
    LMSPT_NAME(cudaErrorNoKernelImageForDevice)
    LMSPT_NAME(cudaErrorInvalidResourceHandle)
    LMSPT_NAME(cudaErrorNotReady)
    LMSPT_NAME(cudaErrorIllegalAddress)
    LMSPT_NAME(cudaErrorMisalignedAddress)
    LMSPT_NAME(cudaErrorLaunchFailure)
    LMSPT_NAME(cudaErrorNotSupported)
    LMSPT_NAME(cudaErrorStreamCaptureUnsupported)
    LMSPT_NAME(cudaErrorStreamCaptureInvalidated)
    LMSPT_NAME(cudaErrorStreamCaptureUnjoined)
    LMSPT_NAME(cudaErrorUnknown)
  }
#undef LMSPT_NAME
  return "cudaErrorUnknown";
}

}  // namespace

// ---- errors ----

cudaError_t remember(const Failure& failure) {
  if (failure.code != cudaSuccess && failure.code != cudaErrorNotReady) {
    last_error = failure.code;
    last_text = failure.text;
  }
  return failure.code;
}

cudaError_t remember(cudaError_t code) { return remember(Failure{code, {}}); }

DeviceState* current() {
  Runtime& runtime = Runtime::get();
  return current_device < static_cast<int>(runtime.devices.size()) ? runtime.devices[current_device].get() : nullptr;
}

DeviceState* device_of(int index) { return Runtime::get().devices[index].get(); }

lmsptEmulatedStream* stream_of(DeviceState& device, cudaStream_t stream) {
  if (!stream) return &device.default_stream;
  return device.streams.count(stream) ? stream : nullptr;
}

bool is_pinned(const void* memory) {
  const auto& pinned = Runtime::get().pinned;
  const uintptr_t address = reinterpret_cast<uintptr_t>(memory);
  const auto next = pinned.upper_bound(address);
  return next != pinned.begin() && address < std::prev(next)->first + std::prev(next)->second.bytes;
}

Failure do_next(DeviceState& device, lmsptEmulatedStream& stream) {
  if (device.lost.code != cudaSuccess || stream.work.empty()) return device.lost;
  const Work work = std::move(stream.work.front());
  stream.work.pop_front();
  if (device.lose_at_next_work) {
    device.lose_at_next_work = false;
    device.lost = {cudaErrorLaunchFailure, "unspecified launch failure: the emulation was asked to lose the device"};
  } else if (Failure failure = work(); failure.code != cudaSuccess) {
    device.lost = failure;
  }
  return device.lost;
}

Failure drain(DeviceState& device, lmsptEmulatedStream& stream) {
  while (device.lost.code == cudaSuccess && !stream.work.empty()) do_next(device, stream);
  return device.lost;
}

Failure drain_all(DeviceState& device) {
  drain(device, device.default_stream);
  for (lmsptEmulatedStream* stream : std::set<lmsptEmulatedStream*>(device.streams)) drain(device, *stream);
  return device.lost;
}

// A call that must not come during a capture by the same thread ends the capture.
Failure refuse_during_capture(DeviceState& device) {
  bool found = false;
  for (lmsptEmulatedStream* stream : device.streams) {
    if (!stream->capture || stream->capture->thread != std::this_thread::get_id()) continue;
    stream->invalidated = true;
    found = true;
  }
  return found ? Failure{cudaErrorStreamCaptureUnsupported, {}} : Failure{};
}

cudaError_t enqueue(DeviceState& device, lmsptEmulatedStream& stream, Work work) {
  if (device.lost.code != cudaSuccess) return remember(device.lost);
  if (!stream.capture) {
    stream.work.push_back(std::move(work));
    return cudaSuccess;
  }
  if (stream.invalidated) return remember(cudaErrorStreamCaptureInvalidated);
  stream.joined = stream.is_origin;
  stream.capture->work.push_back(std::move(work));
  return cudaSuccess;
}

// ---- kernels ----

namespace {

// As long as the longest part of the kernel's name that has a time says.
void pass_time(const void* kernel) {
  Runtime& runtime = Runtime::get();
  if (runtime.kernel_seconds.empty()) return;
  const std::string name = function_name(kernel);
  const std::pair<const std::string, double>* longest = nullptr;
  for (const auto& entry : runtime.kernel_seconds) {
    if (name.find(entry.first) == std::string::npos) continue;
    if (!longest || entry.first.size() > longest->first.size()) longest = &entry;
  }
  if (longest) runtime.clock += longest->second;
}

}  // namespace

cudaError_t enqueue_kernel(const cudaLaunchConfig_t& config, const void* kernel, KernelCall call) {
  std::lock_guard lock(Runtime::get().mutex);
  DeviceState* device = current();
  if (!device) return remember(cudaErrorInvalidDevice);
  lmsptEmulatedStream* stream = stream_of(*device, config.stream);
  if (!stream) return remember(cudaErrorInvalidResourceHandle);
  const dim3 g = config.gridDim, b = config.blockDim;
  const size_t threads = size_t{b.x} * b.y * b.z;
  int clusters = 1;
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    const cudaLaunchAttribute& attribute = config.attrs[i];
    if (attribute.id == cudaLaunchAttributeClusterDimension) clusters = static_cast<int>(attribute.val.clusterDim.x);
  }
  if (clusters < 1 || clusters > kMaxClusters || g.x % clusters != 0 || clusters * threads > kMaxThreads) {
    return remember(cudaErrorInvalidConfiguration);
  }
  const bool fits = g.x > 0 && g.y > 0 && g.z > 0 && g.x <= 0x7fffffffu && g.y <= 65535 && g.z <= 65535 &&
                    threads > 0 && threads <= kMaxThreads && b.z <= 64;
  if (!fits) return remember(cudaErrorInvalidConfiguration);
  const auto limit = device->shared_limits.find(kernel);
  if (config.dynamicSmemBytes > (limit == device->shared_limits.end() ? size_t{48} * 1024 : limit->second)) {
    return remember(cudaErrorInvalidValue);
  }
  auto launch = std::make_shared<Launch>();
  launch->grid = g;
  launch->block = b;
  launch->clusters = clusters;
  launch->shared_bytes = config.dynamicSmemBytes;
  launch->kernel = kernel;
  launch->call = std::move(call);
  launch->device = device->index;
  return enqueue(*device, *stream, [launch]() -> Failure {
    Statistics& statistics = Runtime::get().statistics;
    ++statistics.launches;
    static std::map<const void*, int64_t*> counts;  // names are slow to find
    int64_t*& count = counts[launch->kernel];
    if (!count) count = &statistics.kernels[function_name(launch->kernel)];
    ++*count;
    pass_time(launch->kernel);
    const Fault fault = run_launch(*launch);
    switch (fault.kind) {
      case FaultKind::none: return {};
      case FaultKind::address: return {cudaErrorIllegalAddress, fault.text};
      case FaultKind::misaligned: return {cudaErrorMisalignedAddress, fault.text};
      case FaultKind::other: return {cudaErrorLaunchFailure, fault.text};
    }
    return {};
  });
}

}  // namespace lmspt::emulation

using namespace lmspt::emulation;

#define LMSPT_LOCK const std::lock_guard lock(Runtime::get().mutex)
#define LMSPT_DEVICE                                    \
  LMSPT_LOCK;                                           \
  DeviceState* const device = current();                \
  if (!device) return remember(cudaErrorInvalidDevice); \
  if (device->lost.code != cudaSuccess) return remember(device->lost)

// ---- devices ----

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  LMSPT_LOCK;
  *count = static_cast<int>(Runtime::get().devices.size());
  return *count == 0 ? remember(cudaErrorNoDevice) : cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int index) {
  LMSPT_LOCK;
  if (index < 0 || index >= static_cast<int>(Runtime::get().devices.size())) return remember(cudaErrorInvalidDevice);
  current_device = index;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int index) {
  cudaDeviceProp properties;
  if (const cudaError_t error = cudaGetDeviceProperties(&properties, index)) return error;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock: *value = properties.maxThreadsPerBlock; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *value = static_cast<int>(properties.sharedMemPerBlock); break;
    case cudaDevAttrWarpSize: *value = properties.warpSize; break;
    case cudaDevAttrMultiProcessorCount: *value = properties.multiProcessorCount; break;
    case cudaDevAttrL2CacheSize: *value = properties.l2CacheSize; break;
    case cudaDevAttrComputeCapabilityMajor: *value = properties.major; break;
    case cudaDevAttrComputeCapabilityMinor: *value = properties.minor; break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = static_cast<int>(properties.sharedMemPerMultiprocessor);
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = static_cast<int>(properties.sharedMemPerBlockOptin); break;
  }
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int index) {
  LMSPT_LOCK;
  Runtime& runtime = Runtime::get();
  if (index < 0 || index >= static_cast<int>(runtime.devices.size())) return remember(cudaErrorInvalidDevice);
  *properties = {};
  const auto [_, __, major, minor] = settings();
  std::snprintf(properties->name, sizeof properties->name, "Emulated GPU %d", index);
  properties->totalGlobalMem = runtime.devices[index]->memory.total();
  properties->major = major;
  properties->minor = minor;
  properties->sharedMemPerBlock = 48 * 1024;
  // What one block may ask for, and what a multiprocessor has.
  const int optin = major * 10 + minor == 80 ? 163 : (major == 8 || major == 12 ? 99 : 227);
  properties->sharedMemPerBlockOptin = static_cast<size_t>(optin) * 1024;
  properties->sharedMemPerMultiprocessor = static_cast<size_t>(optin + 1) * 1024;
  properties->regsPerBlock = 65536;
  properties->warpSize = kLanes;
  properties->maxThreadsPerBlock = kMaxThreads;
  properties->multiProcessorCount = 4;
  properties->l2CacheSize = 4 << 20;
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  LMSPT_DEVICE;
  if (const Failure refused = refuse_during_capture(*device); refused.code) return remember(refused);
  return remember(drain_all(*device));
}

// Everything on the device is gone, and so is the fault that made it unusable.
cudaError_t cudaDeviceReset() {
  LMSPT_LOCK;
  DeviceState* device = current();
  if (!device) return remember(cudaErrorInvalidDevice);
  for (lmsptEmulatedStream* stream : device->streams) delete stream;
  for (lmsptEmulatedEvent* event : device->events) delete event;
  for (lmsptEmulatedGraph* graph : device->graphs) delete graph;
  for (lmsptEmulatedGraphExec* exec : device->execs) delete exec;
  auto& pinned = Runtime::get().pinned;
  for (auto next = pinned.begin(); next != pinned.end();) {
    const auto here = next++;
    if (here->second.device != device->index) continue;
    std::free(reinterpret_cast<void*>(here->first));
    pinned.erase(here);
  }
  device->streams.clear();
  device->events.clear();
  device->graphs.clear();
  device->execs.clear();
  device->default_stream.work.clear();
  device->memory.release_all();
  device->shared_limits.clear();
  device->lost = {};
  last_error = cudaSuccess;
  return cudaSuccess;
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = last_error;
  last_error = cudaSuccess;
  return error;
}
cudaError_t cudaPeekAtLastError() { return last_error; }

const char* cudaGetErrorString(cudaError_t error) {
  thread_local std::string text;
  text = plain_text(error);
  LMSPT_LOCK;
  // The text of a fault says more than its code.
  for (const auto& device : Runtime::get().devices) {
    if (device->lost.code == error && error != cudaSuccess && !device->lost.text.empty()) text = device->lost.text;
  }
  if (error != cudaSuccess && !last_text.empty() && last_error == error) text = last_text;
  return text.c_str();
}
const char* cudaGetErrorName(cudaError_t error) { return name_of(error); }

// ---- memory ----

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  LMSPT_DEVICE;
  *total = device->memory.total();
  *free = *total - std::min(*total, device->memory.used());
  return cudaSuccess;
}

static cudaError_t allocate(DeviceState& device, void** memory, size_t bytes) {
  *memory = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (device.allocations_before_failure == 0) return remember(cudaErrorMemoryAllocation);
  if (device.allocations_before_failure > 0) --device.allocations_before_failure;
  *memory = device.memory.allocate(bytes);
  return *memory ? cudaSuccess : remember(cudaErrorMemoryAllocation);
}

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  LMSPT_DEVICE;
  if (const Failure refused = refuse_during_capture(*device); refused.code) return remember(refused);
  return allocate(*device, memory, bytes);
}

static DeviceState* owner_of(const void* memory) {
  const size_t index = (reinterpret_cast<uintptr_t>(memory) - device_range.base) / kDeviceSpace;
  Runtime& runtime = Runtime::get();
  return is_device_address(memory) && index < runtime.devices.size() ? runtime.devices[index].get() : nullptr;
}

// Waits for the device, as the real one does.
cudaError_t cudaFree(void* memory) {
  LMSPT_DEVICE;
  if (!memory) return cudaSuccess;
  if (const Failure refused = refuse_during_capture(*device); refused.code) return remember(refused);
  DeviceState* owner = owner_of(memory);
  if (!owner) return remember(cudaErrorInvalidValue);
  if (const Failure failure = drain_all(*owner); failure.code) return remember(failure);
  return owner->memory.release(memory) ? cudaSuccess : remember(cudaErrorInvalidValue);
}

cudaError_t cudaMallocAsync(void** memory, size_t bytes, cudaStream_t stream) {
  LMSPT_DEVICE;
  if (!stream_of(*device, stream)) return remember(cudaErrorInvalidResourceHandle);
  if (stream_of(*device, stream)->capture) return remember(cudaErrorNotSupported);
  return allocate(*device, memory, bytes);
}

cudaError_t cudaFreeAsync(void* memory, cudaStream_t stream) {
  LMSPT_DEVICE;
  lmsptEmulatedStream* queue = stream_of(*device, stream);
  if (!queue) return remember(cudaErrorInvalidResourceHandle);
  if (!memory) return cudaSuccess;
  if (queue->capture) return remember(cudaErrorNotSupported);
  return enqueue(*device, *queue, [device, memory]() -> Failure {
    return device->memory.release(memory) ? Failure{} : memory_failure("freed what is not allocated");
  });
}

cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned) {
  LMSPT_DEVICE;
  *memory = nullptr;
  if (bytes == 0) return cudaSuccess;
  *memory = std::malloc(bytes);
  if (!*memory) return remember(cudaErrorMemoryAllocation);
  Runtime::get().pinned[reinterpret_cast<uintptr_t>(*memory)] = {bytes, device->index};
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** memory, size_t bytes) { return cudaHostAlloc(memory, bytes, 0); }

cudaError_t cudaFreeHost(void* memory) {
  LMSPT_LOCK;
  if (!memory) return cudaSuccess;
  if (Runtime::get().pinned.erase(reinterpret_cast<uintptr_t>(memory)) == 0) return remember(cudaErrorInvalidValue);
  for (const auto& device : Runtime::get().devices) drain_all(*device);
  std::free(memory);
  return cudaSuccess;
}

static Failure copy_now(void* target, const void* source, size_t bytes) {
  const std::string what = "copy of " + std::to_string(bytes) + " bytes ";
  if (is_device_address(source)) {
    const std::string wrong = check_device_bytes(source, bytes, true);
    if (!wrong.empty()) {
      return memory_failure(what + "from device memory: " + wrong + "; " +
                            describe_device_address(reinterpret_cast<uintptr_t>(source)));
    }
  }
  if (is_device_address(target)) {
    const std::string wrong = check_device_bytes(target, bytes, false);
    if (!wrong.empty()) {
      return memory_failure(what + "to device memory: " + wrong + "; " +
                            describe_device_address(reinterpret_cast<uintptr_t>(target)));
    }
    mark_written(target, bytes);
  }
  std::memmove(target, source, bytes);
  return {};
}

static bool fits_kind(const void* target, const void* source, cudaMemcpyKind kind) {
  const bool to = is_device_address(target), from = is_device_address(source);
  switch (kind) {
    case cudaMemcpyHostToHost: return !to && !from;
    case cudaMemcpyHostToDevice: return to && !from;
    case cudaMemcpyDeviceToHost: return !to && from;
    case cudaMemcpyDeviceToDevice: return to && from;
    case cudaMemcpyDefault: return true;
  }
  return false;
}

cudaError_t cudaMemcpyAsync(void* target, const void* source, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  LMSPT_DEVICE;
  lmsptEmulatedStream* queue = stream_of(*device, stream);
  if (!queue) return remember(cudaErrorInvalidResourceHandle);
  if (bytes == 0) return cudaSuccess;
  if (!fits_kind(target, source, kind)) return remember(cudaErrorInvalidValue);
  const bool from_pageable = !is_device_address(source) && !is_pinned(source);
  const bool to_pageable = !is_device_address(target) && !is_pinned(target);
  if (queue->capture && (from_pageable || to_pageable)) {
    queue->invalidated = true;  // what a replay would find in such memory is left open
    return remember(cudaErrorStreamCaptureUnsupported);
  }
  if (from_pageable) {
    const auto* bytes_of = static_cast<const char*>(source);
    const auto staged = std::make_shared<std::vector<char>>(bytes_of, bytes_of + bytes);
    const cudaError_t error =
        enqueue(*device, *queue, [=] { return copy_now(target, staged->data(), staged->size()); });
    if (error) return error;
  } else if (const cudaError_t error = enqueue(*device, *queue, [=] { return copy_now(target, source, bytes); })) {
    return error;
  }
  return to_pageable ? remember(drain(*device, *queue)) : cudaSuccess;
}

cudaError_t cudaMemcpy(void* target, const void* source, size_t bytes, cudaMemcpyKind kind) {
  {
    LMSPT_DEVICE;
    if (const Failure refused = refuse_during_capture(*device); refused.code) return remember(refused);
  }
  if (const cudaError_t error = cudaMemcpyAsync(target, source, bytes, kind, nullptr)) return error;
  return cudaStreamSynchronize(nullptr);
}

cudaError_t cudaMemsetAsync(void* target, int value, size_t bytes, cudaStream_t stream) {
  LMSPT_DEVICE;
  lmsptEmulatedStream* queue = stream_of(*device, stream);
  if (!queue) return remember(cudaErrorInvalidResourceHandle);
  if (bytes == 0) return cudaSuccess;
  if (!is_device_address(target)) return remember(cudaErrorInvalidValue);
  return enqueue(*device, *queue, [=]() -> Failure {
    const std::string wrong = check_device_bytes(target, bytes, false);
    if (!wrong.empty()) return memory_failure("filling device memory: " + wrong);
    mark_written(target, bytes);
    std::memset(target, value, bytes);
    return {};
  });
}

cudaError_t cudaMemset(void* target, int value, size_t bytes) {
  if (const cudaError_t error = cudaMemsetAsync(target, value, bytes, nullptr)) return error;
  return cudaStreamSynchronize(nullptr);
}

void lmspt::emulation::forget(void* memory, size_t bytes, cudaStream_t stream) {
  LMSPT_LOCK;
  DeviceState* device = current();
  lmsptEmulatedStream* queue = device ? stream_of(*device, stream) : nullptr;
  if (!queue) return;
  enqueue(*device, *queue, [=]() -> Failure {
    mark_unwritten(memory, bytes);
    return {};
  });
}

// ---- kernels ----

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  LMSPT_DEVICE;
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  cudaDeviceProp properties;
  cudaGetDeviceProperties(&properties, device->index);
  if (value < 0 || static_cast<size_t>(value) > properties.sharedMemPerBlockOptin)
    return remember(cudaErrorInvalidValue);
  device->shared_limits[kernel] = static_cast<size_t>(value);
  return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int threads, size_t shared_bytes) {
  LMSPT_DEVICE;
  cudaDeviceProp properties;
  cudaGetDeviceProperties(&properties, device->index);
  const int by_threads = 2048 / std::max(threads, 1);
  const int by_shared = static_cast<int>(properties.sharedMemPerMultiprocessor / (shared_bytes + 1024));
  *blocks = std::min(by_threads, by_shared);
  return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveClusters(int* clusters, const void*, const cudaLaunchConfig_t* config) {
  LMSPT_DEVICE;
  cudaDeviceProp properties;
  cudaGetDeviceProperties(&properties, device->index);
  *clusters = properties.multiProcessorCount / static_cast<int>(config->attrs[0].val.clusterDim.x);
  return cudaSuccess;
}

#include "cuda-emulation/control.h"
#include "cuda-emulation/runtime.h"

namespace lmspt::emulation::control {

Counts counts() {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  Counts counts;
  counts.launches = runtime.statistics.launches;
  counts.graph_launches = runtime.statistics.graph_launches;
  counts.captures = runtime.statistics.captures;
  counts.kernels = runtime.statistics.kernels;
  counts.pinned = static_cast<int64_t>(runtime.pinned.size());
  for (const auto& device : runtime.devices) {
    counts.allocations += device->memory.allocations();
    counts.bytes_of_devices.push_back(static_cast<int64_t>(device->memory.used()));
    counts.bytes += counts.bytes_of_devices.back();
    counts.streams += static_cast<int64_t>(device->streams.size());
    counts.events += static_cast<int64_t>(device->events.size());
    counts.graphs += static_cast<int64_t>(device->graphs.size() + device->execs.size());
  }
  return counts;
}

void set_memory(int device, size_t bytes) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  runtime.devices.at(device)->memory.set_total(bytes);
}

void fail_allocations_after(int device, int64_t count) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  runtime.devices.at(device)->allocations_before_failure = count;
}

void set_kernel_times(const std::map<std::string, double>& milliseconds) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  runtime.kernel_seconds.clear();
  for (const auto& [name, time] : milliseconds) runtime.kernel_seconds[name] = time / 1e3;
}

void lose(int device) {
  Runtime& runtime = Runtime::get();
  const std::lock_guard lock(runtime.mutex);
  runtime.devices.at(device)->lose_at_next_work = true;
}

}  // namespace lmspt::emulation::control

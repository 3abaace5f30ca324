// The state behind the runtime's calls. Work put into a stream is done as late as may be: when something waits for it.
// So a buffer that is used again too early, or an order that nothing ensures, shows.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "cuda-emulation/device_memory.h"
#include "cuda_runtime_api.h"

namespace lmspt::emulation {

// A piece of work. What goes wrong in it is found by whoever waits.
struct Failure {
  cudaError_t code = cudaSuccess;
  std::string text;
};
using Work = std::function<Failure()>;

struct Recording;  // of an event: reached or not

}  // namespace lmspt::emulation

struct lmsptEmulatedStream {
  int device = 0;
  std::deque<lmspt::emulation::Work> work;
  lmsptEmulatedGraph* capture = nullptr;  // into which it is captured
  bool is_origin = false;                 // of the capture
  bool invalidated = false;
  bool joined = true;  // whether the origin waits for what was captured last
};

struct lmsptEmulatedGraph {
  int device = 0;
  std::thread::id thread;  // that captures it
  std::vector<lmspt::emulation::Work> work;
  std::set<lmsptEmulatedStream*> streams;
};

struct lmsptEmulatedGraphExec {
  int device = 0;
  std::shared_ptr<const std::vector<lmspt::emulation::Work>> work;
};

namespace lmspt::emulation {

struct Recording {
  lmsptEmulatedStream* stream = nullptr;  // to drain; null once reached
  lmsptEmulatedGraph* capture = nullptr;  // recorded while this was captured
  double seconds = 0;
};

}  // namespace lmspt::emulation

struct lmsptEmulatedEvent {
  int device = 0;
  std::shared_ptr<lmspt::emulation::Recording> recording;  // the last one
};

namespace lmspt::emulation {

struct Statistics {
  int64_t launches = 0;
  int64_t graph_launches = 0;
  int64_t captures = 0;
  std::map<std::string, int64_t> kernels;  // launches by name
};

struct DeviceState {
  explicit DeviceState(int index) : index(index), memory(index) {}
  int index;
  DeviceMemory memory;
  Failure lost;  // sticky, as after a fault in a kernel
  std::set<lmsptEmulatedStream*> streams;
  std::set<lmsptEmulatedEvent*> events;
  std::set<lmsptEmulatedGraph*> graphs;
  std::set<lmsptEmulatedGraphExec*> execs;
  lmsptEmulatedStream default_stream;
  std::map<const void*, size_t> shared_limits;  // by kernel, where more was asked for
  bool lose_at_next_work = false;
  int64_t allocations_before_failure = -1;  // -1: none fails
};

struct Runtime {
  std::recursive_mutex mutex;
  std::vector<std::unique_ptr<DeviceState>> devices;
  struct Pinned {
    size_t bytes;
    int device;
  };
  std::map<uintptr_t, Pinned> pinned;            // host memory by address
  std::map<std::string, double> kernel_seconds;  // by a part of the kernel's name, where tests say how long it takes
  double clock = 0;                              // what went by in such kernels
  Statistics statistics;

  Runtime();
  static Runtime& get();
};

// Does the next piece of a stream's work, or all of it. A failure loses the device.
Failure do_next(DeviceState& device, lmsptEmulatedStream& stream);
Failure drain(DeviceState& device, lmsptEmulatedStream& stream);

}  // namespace lmspt::emulation

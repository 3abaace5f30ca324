// What a plan asks of a device. CpuDevice implements it in the core; the CUDA library implements it behind one exported
// function, so that nothing here depends on CUDA. All calls except `kernel` come from the device's own thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "device/kernel.h"
#include "device/precision.h"

namespace lmspt {

// What a plan has of its device: memory for its values, and an order in which its work is done. Runs may overlap where
// `is_under_way` says so; they end in the order in which they began. All calls come from the device's own thread.
class Session {
 public:
  static constexpr int kMostUnderWay = 4;  // runs of a device's plans together

  virtual ~Session() = default;

  // Begins a run and returns memory for the plan's values; its contents are left open. `staging_bytes` is the sum of
  // what is uploaded and downloaded, each rounded up to a multiple of 64. `ordered` runs, which read or
  // write what runs of other plans write, come one after the other.
  virtual void* begin(size_t arena_bytes, size_t staging_bytes, bool ordered) = 0;
  virtual void upload(void* device, const void* host, size_t bytes) = 0;  // host memory may be reused on return
  virtual KernelContext context() = 0;                                    // pool or stream filled in
  // Does what `steps` does, by calling it or by repeating what it did in an earlier run.
  virtual void work(const std::function<void()>& steps) = 0;
  // Steps between `fork` and `join` that get the context `aside` may run at the same time as those that get the other.
  virtual void fork() {}
  virtual KernelContext aside() { return context(); }
  virtual void join() {}
  virtual void download(void* host, const void* device, size_t bytes) = 0;  // host memory holds it after finish
  virtual void wait() = 0;                                                  // for all work so far
  // Milliseconds that the device takes for `steps`. A device that is not the host has nothing of theirs in its caches.
  virtual double time(const std::function<void()>& steps) = 0;
  // The run is complete, but for what `finish` waits for.
  virtual void end() = 0;
  virtual bool is_under_way() const = 0;  // whether a run that has ended has to be finished
  virtual void finish() = 0;              // of the oldest such run
  virtual void abandon() = 0;             // the run that began; called instead of end after an error
};

class Device {
 public:
  virtual ~Device() = default;

  virtual const char* kind() const = 0;  // "cpu" or "cuda"
  virtual const char* description() const = 0;
  virtual uint64_t id() const = 0;  // distinguishes devices in caches

  virtual Kernel kernel(const char* op) const = 0;  // null where the device lacks one
  // See Bf16Ports and Preparing; tensors, which have no data, and attributes of the call are filled in.
  virtual Bf16Ports bf16_ports(const char*, const KernelContext&) const { return {}; }
  virtual bool prepares_input(const char*, const KernelContext&) { return false; }

  // The precision in which it computes products that are asked for in another; `inherit` where it cannot.
  virtual Precision arithmetic(Precision asked) const {
    return asked == Precision::fp32 ? Precision::fp32 : Precision::inherit;
  }
  // How, for people; of a precision that it has.
  virtual const char* arithmetic_description(Precision) const { return "float32"; }

  // Whether kernels read host memory; otherwise plans upload and download.
  virtual bool is_host() const = 0;
  virtual void* allocate(size_t bytes) = 0;  // throws out_of_memory
  virtual void release(void* memory) = 0;
  virtual void upload(void* device, const void* host, size_t bytes) = 0;
  virtual void download(void* host, const void* device, size_t bytes) = 0;  // waits for all work before

  virtual std::unique_ptr<Session> session() = 0;  // must not outlive the device

  virtual KernelContext context() = 0;  // for work outside of sessions, such as preparing what they read
  virtual void settle() {}              // such work is done on return
};

}  // namespace lmspt

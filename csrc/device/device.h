// What a plan asks of a device. CpuDevice implements it in the core; the CUDA library implements it behind one exported
// function, so that nothing here depends on CUDA. All calls except `kernel` come from the device's own thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/kernel.h"
#include "device/precision.h"

namespace lmspt {

class Device {
 public:
  virtual ~Device() = default;

  virtual const char* kind() const = 0;  // "cpu" or "cuda"
  virtual const char* description() const = 0;
  virtual uint64_t id() const = 0;  // distinguishes devices in caches

  virtual Kernel kernel(const char* op) const = 0;  // null where the device lacks one

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

  // Memory for the values of the one plan that runs; every plan of the device shares it.
  virtual void* arena(size_t bytes) = 0;

  virtual KernelContext context() = 0;  // pool or stream filled in
};

}  // namespace lmspt

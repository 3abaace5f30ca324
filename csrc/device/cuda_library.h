// The CUDA library as the core sees it: found by path, opened when a CUDA device is asked for, one exported function.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "device/device.h"

namespace lmspt {

// What the library exports as `lmspt_cuda_interface`. Both sides are built from the same sources; `version` refuses
// mixes.
struct CudaInterface {
  static constexpr uint32_t kVersion = 4;
  uint32_t version;
  // Devices that can be used; -1 with the reason in `message` where the driver cannot be used.
  int (*device_count)(char* message, int64_t capacity);
  // One line about a device: name, compute capability, memory.
  void (*describe)(int index, char* text, int64_t capacity);
  // Throws a device error that says what was found where the device cannot be opened.
  Device* (*open)(int index);
  // Whether there is a kernel for an op; needs no GPU.
  bool (*has_kernel)(const char* op);
};

// Throws a device error that says what was tried.
const CudaInterface& load_cuda_library(const std::string& path);
std::shared_ptr<Device> open_cuda_device(const std::string& library_path, int index);

}  // namespace lmspt

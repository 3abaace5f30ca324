// What the library exports; see csrc/device/cuda_library.h.
#include <cstdio>

#include "device/cuda/cuda_device.h"
#include "device/cuda/kernels.h"
#include "device/cuda/status.h"
#include "device/cuda_library.h"
#include "device/error.h"

namespace lmspt::cuda {

namespace {

std::string version_text(int version) {  // 13020 -> "13.2"
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// Throws a device error where there is no driver that fits.
int count_devices() {
  int driver = 0, runtime = 0, count = 0;
  check(cudaDriverGetVersion(&driver), "ask for the driver's version");
  check(cudaRuntimeGetVersion(&runtime), "ask for its own version");
  if (driver == 0) {
    throw Error(ErrorCode::device, "No NVIDIA driver was found (libcuda.so.1 does not load); the CUDA runtime is " +
                                       version_text(runtime) + ". Install a driver, or use the device \"cpu\"");
  }
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver) {
    throw Error(ErrorCode::device, "The NVIDIA driver is too old: it supports CUDA " + version_text(driver) +
                                       ", and the CUDA runtime is " + version_text(runtime) +
                                       ". Install a newer driver, or use the device \"cpu\"");
  }
  if (status == cudaErrorNoDevice) {
    cudaGetLastError();
    return 0;
  }
  check(status, "count the devices with a driver for CUDA " + version_text(driver) + " and the runtime " +
                    version_text(runtime));
  return count;
}

int device_count(char* message, int64_t capacity) {
  try {
    return count_devices();
  } catch (const Error& error) {
    std::snprintf(message, capacity, "%s", error.what());
    return -1;
  }
}

void describe(int index, char* text, int64_t capacity) {
  try {
    std::snprintf(text, capacity, "%s", describe_device(index).c_str());
  } catch (const Error& error) {
    std::snprintf(text, capacity, "%s", error.what());
  }
}

Device* open(int index) {
  if (index >= 0) revive(index);
  const int count = count_devices();
  if (count == 0) throw Error(ErrorCode::device, "The NVIDIA driver answers, but it sees no GPU");
  if (index < 0 || index >= count) {
    throw Error(ErrorCode::device, "Expected the index of a CUDA device below " + std::to_string(count) +
                                       " but received " + std::to_string(index));
  }
  return new CudaDevice(index);
}

bool has_kernel(const char* op) { return find_kernel(op).kernel != nullptr; }

}  // namespace

}  // namespace lmspt::cuda

extern "C" __attribute__((visibility("default"))) const lmspt::CudaInterface* lmspt_cuda_interface() {
  using namespace lmspt::cuda;
  static const lmspt::CudaInterface interface = {lmspt::CudaInterface::kVersion, device_count, describe, open,
                                                 has_kernel};
  return &interface;
}

// Needs a GPU: a fault in a kernel marks the device as lost, every later call says so, the process lives
// on, and the GPU can be opened again.
//   nvcc -std=c++20 -arch=native -Icsrc test/device/lost-device.cu csrc/device/cuda_library.cc csrc/device/error.cc \
//     -o build/lost-device && build/lost-device "$PWD/build/Release/liblmspt_cuda.so"
#include <cstdio>
#include <string>

#include "device/cuda_library.h"
#include "device/error.h"

namespace {

__global__ void write_where_nothing_is() { *reinterpret_cast<volatile int*>(16) = 1; }

// Whether `call` throws a device error that tells of the loss.
template <class Call>
bool says_lost(const char* name, Call call) {
  try {
    call();
    std::printf("failed: %s did not throw\n", name);
  } catch (const lmspt::Error& error) {
    std::printf("%s: %s: %s\n", name, lmspt::error_code_name(error.code()), error.what());
    return error.code() == lmspt::ErrorCode::device &&
           std::string(error.what()).find(" is lost: ") != std::string::npos;
  }
  return false;
}

}  // namespace

int main(int count, char** words) {
  if (count != 2) {
    std::fprintf(stderr, "usage: lost-device LIBRARY\n");
    return 2;
  }
  try {
    const std::shared_ptr<lmspt::Device> device = lmspt::open_cuda_device(words[1], 0);
    void* memory = device->allocate(64);
    // This program and the library share the device's one context, and with it the fault.
    cudaSetDevice(0);
    write_where_nothing_is<<<1, 1>>>();
    float number = 0;
    bool passed = says_lost("download", [&] { device->download(&number, memory, sizeof number); });
    passed &= says_lost("session", [&] { device->session()->begin(64, 64, false); });
    passed &= says_lost("allocate", [&] { device->allocate(64); });
    device->release(memory);
    const std::shared_ptr<lmspt::Device> again = lmspt::open_cuda_device(words[1], 0);
    memory = again->allocate(sizeof number);
    number = 5;
    again->upload(memory, &number, sizeof number);
    number = 0;
    again->download(&number, memory, sizeof number);
    again->release(memory);
    passed &= number == 5 && says_lost("the old device", [&] { device->allocate(64); });
    std::printf("%s\n", passed ? "passed" : "failed");
    return passed ? 0 : 1;
  } catch (const lmspt::Error& error) {
    std::fprintf(stderr, "%s: %s\n", lmspt::error_code_name(error.code()), error.what());
    return 1;
  }
}

// What the tests of the emulation share: memory, launches, and the mistakes that launches are expected to name.
#pragma once

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "cuda_runtime.h"
#include "device/cuda/instructions.h"
#include "device/cuda/status.h"

using lmspt::cuda::check;

extern int passed, failed;

// The instructions of compute capability 9.0 (probes_sm90.cu).
void run_sm90_probes();

inline void report(const std::string& name, bool good, const std::string& detail = {}) {
  std::printf("%s %s%s%s\n", good ? "passed" : "FAILED", name.c_str(), detail.empty() ? "" : ": ", detail.c_str());
  good ? ++passed : ++failed;
}

template <class T>
class Memory {
 public:
  explicit Memory(size_t count) : count_(count) {
    check(cudaMalloc(reinterpret_cast<void**>(&data_), bytes()), "allocate");
  }
  explicit Memory(const std::vector<T>& values) : Memory(values.size()) {
    check(cudaMemcpy(data_, values.data(), bytes(), cudaMemcpyHostToDevice), "copy");
  }
  ~Memory() { cudaFree(data_); }
  Memory(const Memory&) = delete;
  T* data() const { return data_; }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    check(cudaMemcpy(values.data(), data_, bytes(), cudaMemcpyDeviceToHost), "copy");
    return values;
  }

 private:
  size_t bytes() const { return count_ * sizeof(T); }
  T* data_ = nullptr;
  size_t count_;
};

inline std::vector<float> numbers(size_t count) {
  std::vector<float> values(count);
  uint32_t state = 12345;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int32_t>(state)) * 0x1p-30f;
  }
  return values;
}

// Blocks of a cluster of the next launches.
inline unsigned clusters = 1;

template <class... Parameters, class... Arguments>
cudaError_t run(void (*kernel)(Parameters...), dim3 blocks, dim3 threads, size_t shared, Arguments... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = blocks;
  config.blockDim = threads;
  config.dynamicSmemBytes = shared;
  cudaLaunchAttribute cluster{};
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim = {clusters, 1, 1};
  config.attrs = &cluster, config.numAttrs = 1;
  const cudaError_t launched = cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
  return launched ? launched : cudaDeviceSynchronize();
}

// Whether a launch fails with all of `words` in the message; afterwards the device is as new.
template <class... Parameters, class... Arguments>
void finds(const std::string& name, const std::vector<std::string>& words, void (*kernel)(Parameters...), dim3 blocks,
           dim3 threads, size_t shared, Arguments... arguments) {
  const cudaError_t status = run(kernel, blocks, threads, shared, arguments...);
  const std::string message = cudaGetErrorString(status);
  bool good = status != cudaSuccess && cudaDeviceSynchronize() == status;  // it stays
  for (const std::string& word : words) good &= message.find(word) != std::string::npos;
  report("finds " + name, good, message);
  cudaDeviceReset();
}

template <class T, class Expected>
void expect(const std::string& name, cudaError_t status, const Memory<T>& memory, Expected expected) {
  std::string detail = status == cudaSuccess ? "" : cudaGetErrorString(status);
  if (status == cudaSuccess) {
    const std::vector<T> values = memory.read();
    for (size_t i = 0; i < values.size() && detail.empty(); ++i) {
      const T wanted = expected(i);
      if (std::memcmp(&values[i], &wanted, sizeof wanted) != 0) {
        detail =
            "expected " + std::to_string(wanted) + " at " + std::to_string(i) + ", got " + std::to_string(values[i]);
      }
    }
  }
  report(name, detail.empty(), detail);
  if (status != cudaSuccess) cudaDeviceReset();
}

inline float rounded_bf16(float value) { return __bfloat162float(__float2bfloat16_rn(value)); }
inline float rounded_tf32(float value) { return __uint_as_float(lmspt::cuda::to_tf32(value)); }

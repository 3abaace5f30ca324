// Helpers of the launchers in *_cuda.cu files. A launcher is: range, grid, launch; the check is in `launch`.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>

#include "device/cuda/status.h"
#include "device/kernel.h"

namespace lmspt::cuda {

constexpr int kThreads = 256;
constexpr int64_t kMaxBlocks = 4096;  // about 30 on each multiprocessor of a large GPU; grids stride over the rest

inline cudaStream_t stream_of(const KernelContext& context) { return static_cast<cudaStream_t>(context.stream); }

// Runs `kernel` with one block for each of `blocks`, at most kMaxBlocks; no blocks, no launch.
template <class... Parameters, class... Arguments>
void launch_blocks(const KernelContext& context, void (*kernel)(Parameters...), int64_t blocks, int threads,
                   const Arguments&... arguments) {
  if (blocks == 0) return;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(std::min(blocks, kMaxBlocks)));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.stream = stream_of(context);
  check(cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...), "launch a kernel");
}

// Runs `kernel` with one thread for each of `units`.
template <class... Parameters, class... Arguments>
void launch_threads(const KernelContext& context, void (*kernel)(Parameters...), int64_t units,
                    const Arguments&... arguments) {
  launch_blocks(context, kernel, (units + kThreads - 1) / kThreads, kThreads, arguments...);
}

// for (int64_t i = first_unit(); i < units; i += unit_step()) visits all units with any grid.
__device__ inline int64_t first_unit() { return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline int64_t unit_step() { return static_cast<int64_t>(gridDim.x) * blockDim.x; }

// Device memory for the length of one launcher; the kernels enqueued meanwhile may use it.
class Scratch {
 public:
  Scratch(const KernelContext& context, size_t bytes) : stream_(stream_of(context)) {
    const cudaError_t status = cudaMallocAsync(&data_, bytes, stream_);
    if (status == cudaErrorMemoryAllocation) fail_for_memory(bytes);
    check(status, "allocate scratch memory");
  }
  ~Scratch() { cudaFreeAsync(data_, stream_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
  cudaStream_t stream_;
};

}  // namespace lmspt::cuda

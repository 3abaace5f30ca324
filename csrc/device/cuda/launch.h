// Helpers of the launchers in *_cuda.cu files. A launcher is: range, grid, launch; the check is in `launch`.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <string>

#include "device/cuda/scratch.h"
#include "device/cuda/status.h"
#include "device/kernel.h"

namespace lmspt::cuda {

constexpr int kThreads = 256;
// About 30 on each multiprocessor of a large GPU; grids stride over the rest, in the emulation so often that every loop
// runs more than once.
#if defined(LMSPT_CUDA_EMULATED)
constexpr int64_t kMaxBlocks = 7;
#else
constexpr int64_t kMaxBlocks = 4096;
#endif

inline cudaStream_t stream_of(const KernelContext& context) { return static_cast<cudaStream_t>(context.stream); }

struct Grid {
  dim3 blocks;
  int threads;
  size_t shared_bytes = 0;  // of dynamic shared memory
  int cluster = 1;          // blocks of a cluster, along x
};

inline const GpuTraits& gpu_of(const KernelContext& context) {
  return static_cast<ScratchMemory*>(context.scratch)->gpu();
}

// Blocks that have a multiprocessor to themselves and run at the same time.
inline int64_t most_resident_blocks(const KernelContext& context) {
  return std::min<int64_t>(gpu_of(context).multiprocessors, kMaxBlocks);
}
// As many of them as there are units of work.
inline dim3 resident_blocks(const KernelContext& context, int64_t units) {
  return dim3(static_cast<unsigned>(std::min(units, most_resident_blocks(context))));
}

// A grid as CUDA wants to hear of it, for a kernel that may use as much shared memory.
struct LaunchConfig {
  template <class... Parameters>
  LaunchConfig(const KernelContext& context, void (*kernel)(Parameters...), const Grid& grid) {
    constexpr size_t kWithoutAsking = 48 * 1024;
    if (grid.shared_bytes > kWithoutAsking) {
      check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(grid.shared_bytes)),
            "get " + std::to_string(grid.shared_bytes) + " bytes of shared memory for a kernel");
    }
    config.gridDim = grid.blocks;
    config.blockDim = dim3(static_cast<unsigned>(grid.threads));
    config.dynamicSmemBytes = grid.shared_bytes;
    config.stream = stream_of(context);
    if (grid.cluster == 1) return;
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim = {static_cast<unsigned>(grid.cluster), 1, 1};
    config.attrs = &cluster;
    config.numAttrs = 1;
  }
  LaunchConfig(const LaunchConfig&) = delete;

  cudaLaunchConfig_t config{};
  cudaLaunchAttribute cluster{};
};

// Runs `kernel` on a grid; no blocks, no launch.
template <class... Parameters, class... Arguments>
void launch(const KernelContext& context, void (*kernel)(Parameters...), const Grid& grid,
            const Arguments&... arguments) {
  if (grid.blocks.x == 0 || grid.blocks.y == 0 || grid.blocks.z == 0) return;
  const LaunchConfig launch(context, kernel, grid);
  check(cudaLaunchKernelEx(&launch.config, kernel, static_cast<Parameters>(arguments)...), "launch a kernel");
}

// Runs `kernel` with one block for each of `blocks`, at most kMaxBlocks.
template <class... Parameters, class... Arguments>
void launch_blocks(const KernelContext& context, void (*kernel)(Parameters...), int64_t blocks, int threads,
                   const Arguments&... arguments) {
  launch(context, kernel, {dim3(static_cast<unsigned>(std::min(blocks, kMaxBlocks))), threads}, arguments...);
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

// The block's dynamic shared memory, aligned to 128 bytes.
template <class T>
__device__ inline T* dynamic_shared() {
#if defined(LMSPT_CUDA_EMULATED)
  return static_cast<T*>(emulation::dynamic_shared());
#else
  extern __shared__ __align__(128) unsigned char lmspt_dynamic_shared[];
  return reinterpret_cast<T*>(lmspt_dynamic_shared);
#endif
}

// Device memory for the length of one launcher; the kernels enqueued meanwhile may use it. Null for no bytes.
class Scratch {
 public:
  Scratch(const KernelContext& context, size_t bytes)
      : memory_(static_cast<ScratchMemory*>(context.scratch)), bytes_(bytes) {
    if (bytes_ > 0) data_ = memory_->take(bytes_);
  }
  ~Scratch() {
    if (data_) memory_->give_back(data_, bytes_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  void* data() const { return data_; }

 private:
  ScratchMemory* memory_;
  size_t bytes_;
  void* data_ = nullptr;
};

}  // namespace lmspt::cuda

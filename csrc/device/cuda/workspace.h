// Scratch memory of one stream: a block that launchers share one after the other, since the stream keeps their order.
#pragma once

#include <cuda_runtime_api.h>

#include "device/cuda/scratch.h"

namespace lmspt::cuda {

class CudaDevice;

class Workspace final : public ScratchMemory {
 public:
  Workspace(CudaDevice& device, cudaStream_t stream) : device_(device), stream_(stream) {}
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // What does not fit into the block comes from the device meanwhile, which a graph cannot hold.
  void* take(size_t bytes) override;
  void give_back(void* memory, size_t bytes) override;
  const GpuTraits& gpu() const override;

  // Makes the block as large as was needed at any time before. Returns whether it lies elsewhere now.
  bool grow();
  bool clear();  // gives the block back; returns whether there was one. The stream must be done with it.

 private:
  CudaDevice& device_;
  cudaStream_t stream_;
  char* block_ = nullptr;
  size_t size_ = 0;
  size_t used_ = 0;  // of the block
  size_t live_ = 0;  // of all that is taken
  size_t peak_ = 0;
};

}  // namespace lmspt::cuda

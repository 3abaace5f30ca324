#include "device/cuda/workspace.h"

#include <algorithm>

#include "device/cuda/cuda_device.h"

namespace lmspt::cuda {

namespace {

size_t rounded(size_t bytes) { return (bytes + 255) / 256 * 256; }

}  // namespace

Workspace::~Workspace() {
  if (device_.is_usable()) clear();
}

void* Workspace::take(size_t bytes) {
  const size_t size = rounded(bytes);
  live_ += size;
  peak_ = std::max(peak_, live_);
  if (used_ + size <= size_) {
    void* memory = block_ + used_;
    used_ += size;
    return memory;
  }
  void* memory = nullptr;
  try {
    device_.with_memory(size, "allocate scratch memory", [&] { return cudaMallocAsync(&memory, size, stream_); });
  } catch (...) {
    live_ -= size;
    throw;
  }
  return memory;
}

// Called by destructors: an error shows at the next call.
void Workspace::give_back(void* memory, size_t bytes) {
  const size_t size = rounded(bytes);
  live_ -= size;
  if (memory >= block_ && memory < block_ + size_) {
    used_ -= size;
  } else {
    cudaFreeAsync(memory, stream_);
  }
}

const GpuTraits& Workspace::gpu() const { return device_.gpu(); }

bool Workspace::grow() {
  if (peak_ <= size_) return false;
  device_.guard(cudaStreamSynchronize(stream_), "finish the work before");
  clear();
  void* memory = nullptr;
  device_.with_memory(peak_, "allocate scratch memory", [&] { return cudaMalloc(&memory, peak_); });
  block_ = static_cast<char*>(memory);
  size_ = peak_;
  return true;
}

bool Workspace::clear() {
  if (!block_) return false;
  cudaFree(block_);
  block_ = nullptr;
  size_ = 0;
  return true;
}

}  // namespace lmspt::cuda

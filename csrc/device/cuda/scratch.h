// What launchers ask of their device: memory for the length of one launcher, and what its GPU is.
#pragma once

#include <cstddef>

namespace lmspt::cuda {

struct GpuTraits {
  int multiprocessors = 1;
  bool wgmma = false;  // whether kernels for compute capability 9.0a may run (instructions_sm90.h)
};

// What KernelContext::scratch points to. Kernels enqueued between `take` and `give_back` may use the memory.
class ScratchMemory {
 public:
  virtual void* take(size_t bytes) = 0;
  virtual void give_back(void* memory, size_t bytes) = 0;
  virtual const GpuTraits& gpu() const = 0;

 protected:
  ~ScratchMemory() = default;
};

}  // namespace lmspt::cuda

// Device memory for the length of one launcher.
#pragma once

#include <cstddef>

namespace lmspt::cuda {

// What KernelContext::scratch points to. Kernels enqueued between `take` and `give_back` may use the memory.
class ScratchMemory {
 public:
  virtual void* take(size_t bytes) = 0;
  virtual void give_back(void* memory, size_t bytes) = 0;

 protected:
  ~ScratchMemory() = default;
};

}  // namespace lmspt::cuda

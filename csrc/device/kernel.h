// What a kernel is: a function from tensor views and attributes to tensor views.
// Free of the standard library (see tensor.h); used by the CPU variants and by the CUDA library alike.
#pragma once

#include "device/attrs.h"
#include "device/tensor.h"

namespace lmspt {

class ThreadPool;
struct Bf16Unit;

struct KernelContext {
  const Tensor* inputs;
  int input_count;
  Tensor* outputs;
  int output_count;
  const Attrs* attrs;
  ThreadPool* pool;      // CPU kernels
  const Bf16Unit* bf16;  // CPU kernels: what multiplies bf16 matrices
  void* stream;          // CUDA kernels: a cudaStream_t
  void* scratch;         // CUDA kernels: a ScratchMemory (device/cuda/scratch.h)
  void* tuner;           // CUDA kernels: a Tuner (device/cuda/tuner.h), or null

  // Optional inputs may be missing from the end of the list or be empty views.
  LMSPT_INLINE Tensor in(int i) const { return i < input_count ? inputs[i] : Tensor{}; }
  LMSPT_INLINE Tensor& out(int i) const { return outputs[i]; }
};

using Kernel = void (*)(const KernelContext&);

// Which inputs a kernel also reads, and which outputs it also writes, as bf16 numbers; a bit for each. `wgmma`: only on
// GPUs of compute capability 9.0.
struct Bf16Ports {
  uint32_t inputs = 0, outputs = 0;
  bool wgmma = false;
};

// The same of a call whose tensors have no data, for kernels with an attribute `precision` that is another than bf16.
// Those that say nothing do so in bf16 alone.
using UnroundedPorts = Bf16Ports (*)(const KernelContext&);

// Whether the kernel of a call, of which inputs have no data, goes over its first input once before it multiplies:
// Snake is better applied by what makes that input.
using Preparing = bool (*)(const KernelContext&);

// Kernels of one device variant by op name.
class KernelTable {
 public:
  virtual void add(const char* op, Kernel kernel) = 0;
  virtual void takes_bf16(const char*, Bf16Ports) {}
  virtual void takes_bf16_unrounded(const char*, UnroundedPorts) {}
  virtual void prepares_input(const char*, Preparing) {}

 protected:
  ~KernelTable() = default;
};

}  // namespace lmspt

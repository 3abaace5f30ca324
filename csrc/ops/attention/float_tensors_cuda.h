// The tensors of a kernel that knows float32 alone, where plans store some of them as bf16 numbers.
#pragma once

#include "device/cuda/launch.h"

namespace lmspt::cuda {

// Float32 copies in scratch memory of those that are bf16 numbers.
class FloatTensors {
 public:
  explicit FloatTensors(const KernelContext& context);
  FloatTensors(const FloatTensors&) = delete;

  KernelContext context();  // what the kernel is called with
  void finish() const;      // then its results are rounded

 private:
  static constexpr int kMost = 5;  // inputs, or outputs

  const KernelContext& stored_;
  const Scratch scratch_;
  Tensor inputs_[kMost], outputs_[kMost];
};

}  // namespace lmspt::cuda

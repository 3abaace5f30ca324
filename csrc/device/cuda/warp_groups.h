// Blocks with one warp group that copies and others that compute (compute capability 9.0).
#pragma once

#include "device/cuda/instructions_sm90.h"

namespace lmspt::cuda {

// `produce(i)` runs in one thread of each of the first kProducers warps of the first warp group, `consume()` in all
// other groups, which get its registers.
template <int kProducerRegisters, int kConsumerRegisters, int kProducers = 1, class Produce, class Consume>
__device__ inline void run_warp_groups(const Produce& produce, const Consume& consume) {
  static_assert(kProducers <= kWarpGroup / 32);
  if (threadIdx.x < kWarpGroup) {
    keep_registers<kProducerRegisters>();
    const int warp = static_cast<int>(threadIdx.x) / 32;
    if (threadIdx.x % 32 == 0 && warp < kProducers) produce(warp);
  } else {
    take_registers<kConsumerRegisters>();
    consume();
  }
}

}  // namespace lmspt::cuda

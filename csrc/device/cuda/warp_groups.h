// Blocks with one warp group that copies and others that compute (compute capability 9.0).
#pragma once

#include "device/cuda/instructions_sm90.h"

namespace lmspt::cuda {

// `produce()` runs in one thread of the first warp group, `consume()` in all others, which get its registers.
template <int kProducerRegisters, int kConsumerRegisters, class Produce, class Consume>
__device__ inline void run_warp_groups(const Produce& produce, const Consume& consume) {
  if (threadIdx.x < kWarpGroup) {
    keep_registers<kProducerRegisters>();
    if (threadIdx.x == 0) produce();
  } else {
    take_registers<kConsumerRegisters>();
    consume();
  }
}

}  // namespace lmspt::cuda

// Blocks with one warp group that copies and others that compute (compute capability 9.0).
#pragma once

#include "device/cuda/instructions_sm90.h"

namespace lmspt::cuda {

// Registers of a thread of a block of so many warp groups, which has a multiprocessor to itself, at its launch. Later
// on groups share what these are together: of one more a group would wait for ever.
__host__ __device__ constexpr int registers_at_launch(int groups) { return 65536 / (groups * kWarpGroup) / 8 * 8; }

// Those of the others, when the first group has given its own back but for so many.
__host__ __device__ constexpr int consumer_registers(int groups, int of_producer) {
  return (groups * registers_at_launch(groups) - of_producer) / (groups - 1) / 8 * 8;
}

// `produce(i)` runs in one thread of each of the first kProducers warps of the first of kGroups warp groups,
// `consume()` in all other groups, which get its registers but for kProducerRegisters.
template <int kGroups, int kProducerRegisters, int kProducers = 1, class Produce, class Consume>
__device__ inline void run_warp_groups(const Produce& produce, const Consume& consume) {
  static_assert(kProducers <= kWarpGroup / 32);
  if (threadIdx.x < kWarpGroup) {
    keep_registers<kProducerRegisters>();
    const int warp = static_cast<int>(threadIdx.x) / 32;
    if (threadIdx.x % 32 == 0 && warp < kProducers) produce(warp);
  } else {
    take_registers<consumer_registers(kGroups, kProducerRegisters)>();
    consume();
  }
}

}  // namespace lmspt::cuda

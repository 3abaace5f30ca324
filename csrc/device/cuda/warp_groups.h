// Blocks with one warp group that copies and others that compute (compute capability 9.0).
#pragma once

#include "device/cuda/groups.h"
#include "device/cuda/instructions_sm90.h"

namespace lmspt::cuda {

// The number of the thread's warp group. Compilers know that a warp has it in common, and keep what follows from it in
// registers that a warp has in common.
__device__ inline int warp_group() { return __shfl_sync(kAllLanes, static_cast<int>(threadIdx.x) / kWarpGroup, 0); }

// Registers of a thread of a block of so many warp groups, which has a multiprocessor to itself, at its launch. Later
// on groups share what these are together: of one more a group would wait for ever.
__host__ __device__ constexpr int registers_at_launch(int groups) { return 65536 / (groups * kWarpGroup) / 8 * 8; }

// Those of the others, when the first group has given its own back but for so many.
__host__ __device__ constexpr int consumer_registers(int groups, int of_producer) {
  return (groups * registers_at_launch(groups) - of_producer) / (groups - 1) / 8 * 8;
}

// `helper()` runs in the first of kGroups warp groups, which keeps kHelperRegisters a thread; `worker()` in all others,
// which get the rest.
template <int kGroups, int kHelperRegisters, class Helper, class Worker>
__device__ inline void share_registers(const Helper& helper, const Worker& worker) {
  if (threadIdx.x < kWarpGroup) {
    keep_registers<kHelperRegisters>();
    helper();
  } else {
    take_registers<consumer_registers(kGroups, kHelperRegisters)>();
    worker();
  }
}

// `produce(i)` runs in one thread of each of the first kProducers warps of the first of kGroups warp groups,
// `consume()` in all other groups.
template <int kGroups, int kProducerRegisters, int kProducers = 1, class Produce, class Consume>
__device__ inline void run_warp_groups(const Produce& produce, const Consume& consume) {
  static_assert(kProducers <= kWarpGroup / 32);
  share_registers<kGroups, kProducerRegisters>(
      [&] {
        const int warp = static_cast<int>(threadIdx.x) / 32;
        if (threadIdx.x % 32 == 0 && warp < kProducers) produce(warp);
      },
      consume);
}

}  // namespace lmspt::cuda

// Stages in shared memory that bulk copies fill, one after the other, and several warps read (compute capability 9.0).
#pragma once

#include "device/cuda/instructions_sm90.h"

namespace lmspt::cuda {

// Of one block. kReaders: warps that release every stage.
template <int kRingStages, int kBytes, int kReaders>
struct CopyRing {
  static constexpr int kStages = kRingStages, kStageBytes = kBytes, kBarriers = 2 * kStages;

  // Where in the ring one is: how many stages were before.
  struct Place {
    unsigned count = 0;

    __device__ int stage() const { return count % kStages; }
    __device__ int parity() const { return count / kStages % 2; }
    __device__ Place after(int stages) const { return {count + stages}; }
    __device__ Place before(int stages) const { return {count - stages}; }
  };

  unsigned char* stages;
  uint64_t *filled, *released;

  __device__ CopyRing(unsigned char* memory, uint64_t* barriers)
      : stages(memory), filled(barriers), released(barriers + kStages) {}

  // By one thread; barrier_init_fence follows.
  __device__ void make() const {
    for (int i = 0; i < kStages; ++i) {
      barrier_init(filled + i, 1);
      barrier_init(released + i, kReaders);
    }
  }
  __device__ unsigned char* at(const Place& place) const { return stages + place.stage() * kStageBytes; }

  // By the thread that copies: one box to the stage.
  __device__ void put(const Place& place, const CUtensorMap* map, const BoxPlace& box) const {
    barrier_wait(released + place.stage(), place.parity() ^ 1);
    barrier_arrive_expecting(filled + place.stage(), kStageBytes);
    bulk_copy(at(place), map, box, filled + place.stage());
  }

  // By all threads that read.
  __device__ void wait(const Place& place) const { barrier_wait(filled + place.stage(), place.parity()); }
  __device__ void release(const Place& place) const {
    if (threadIdx.x % 32 == 0) barrier_arrive(released + place.stage());
  }
};

// Two rings in the block's shared memory. Behind them lie their barriers, and kMore others.
template <class First, class Second, int kMore = 0>
struct TwoRings {
  static constexpr int kFirstBytes = First::kStages * First::kStageBytes;
  static constexpr int kStageBytes = kFirstBytes + Second::kStages * Second::kStageBytes;
  static constexpr int kBarriers = First::kBarriers + Second::kBarriers + kMore;
  static constexpr int kBytes = kStageBytes + kBarriers * static_cast<int>(sizeof(uint64_t));

  First first;
  Second second;
  uint64_t* more;

  __device__ explicit TwoRings(unsigned char* memory)
      : TwoRings(memory, reinterpret_cast<uint64_t*>(memory + kStageBytes)) {}

  // By one thread, before the block meets. `arrivals` are those of the other barriers.
  __device__ void make(int arrivals = 1) const {
    first.make();
    second.make();
    for (int i = 0; i < kMore; ++i) barrier_init(more + i, arrivals);
    barrier_init_fence();
  }

 private:
  __device__ TwoRings(unsigned char* memory, uint64_t* barriers)
      : first(memory, barriers),
        second(memory + kFirstBytes, barriers + First::kBarriers),
        more(barriers + First::kBarriers + Second::kBarriers) {}
};

}  // namespace lmspt::cuda

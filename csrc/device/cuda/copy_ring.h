// Stages in shared memory that bulk copies fill, one after the other, and several warps read (compute capability 9.0).
#pragma once

#include "device/cuda/instructions_sm90.h"

namespace lmspt::cuda {

// Of a block, or of a cluster of kBlocks that bring parts of each stage to one another. kReaders: warps of a block, all
// of which release every stage, or none where stages are filled once.
template <int kRingStages, int kBytes, int kReaders, int kBlocks = 1>
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
      barrier_init(released + i, kReaders * kBlocks);
    }
  }
  __device__ unsigned char* at(const Place& place) const { return stages + place.stage() * kStageBytes; }

  // By the thread that copies: waits until the stage is free for so many bytes; then boxes go to places of it, of this
  // block or of all.
  __device__ void begin(const Place& place, int bytes) const {
    barrier_wait(released + place.stage(), place.parity() ^ 1);
    barrier_arrive_expecting(filled + place.stage(), bytes);
  }
  __device__ void copy(const Place& place, int offset, const CUtensorMap* map, const BoxPlace& box) const {
    bulk_copy(at(place) + offset, map, box, filled + place.stage());
  }
  __device__ void copy_to_all(const Place& place, int offset, const CUtensorMap* map, const BoxPlace& box) const {
    if constexpr (kBlocks == 1) {
      copy(place, offset, map, box);
    } else {
      bulk_copy_to_all(at(place) + offset, map, box, filled + place.stage(), (1 << kBlocks) - 1);
    }
  }

  // A stage of one box, and on to the next.
  __device__ void put(Place& place, const CUtensorMap* map, const BoxPlace& box) const {
    begin(place, kStageBytes);
    copy(place, 0, map, box);
    place = place.after(1);
  }

  // By all threads that read.
  __device__ void wait(const Place& place) const { barrier_wait(filled + place.stage(), place.parity()); }
  __device__ void release(const Place& place) const {
    if (threadIdx.x % 32 != 0) return;
    if constexpr (kBlocks == 1) {
      barrier_arrive(released + place.stage());
    } else {
      for (int rank = 0; rank < kBlocks; ++rank) barrier_arrive_at(released + place.stage(), rank);
    }
  }
};

// Two rings in the block's shared memory. Behind them lie their barriers, and kMore others of so many arrivals, as a
// rule those of the warps of a warp group.
template <class First, class Second, int kMore = 0, int kArrivals = kWarpGroup / 32>
struct TwoRings {
  using FirstPlace = typename First::Place;
  using SecondPlace = typename Second::Place;
  static constexpr int kFirstBytes = First::kStages * First::kStageBytes;
  static constexpr int kStageBytes = kFirstBytes + Second::kStages * Second::kStageBytes;
  static constexpr int kBarriers = First::kBarriers + Second::kBarriers + kMore;
  static constexpr int kBytes = kStageBytes + kBarriers * static_cast<int>(sizeof(uint64_t));

  First first;
  Second second;
  uint64_t* more;

  __device__ explicit TwoRings(unsigned char* memory)
      : TwoRings(memory, reinterpret_cast<uint64_t*>(memory + kStageBytes)) {}

  // By one thread, before the block meets.
  __device__ void make() const {
    first.make();
    second.make();
    for (int i = 0; i < kMore; ++i) barrier_init(more + i, kArrivals);
    barrier_init_fence();
  }

 private:
  __device__ TwoRings(unsigned char* memory, uint64_t* barriers)
      : first(memory, barriers),
        second(memory + kFirstBytes, barriers + First::kBarriers),
        more(barriers + First::kBarriers + Second::kBarriers) {}
};

}  // namespace lmspt::cuda

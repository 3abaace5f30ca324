// Items of different lengths, one after the other (ops/conv1d/items.h), as tiles take them. A tile belongs to one item,
// so that it computes what it would of the item alone. Before a tile is anything else it is a *slot*: item i has those
// from floor(positions before it / rows of a tile) + i on, as many as it needs or one more, which stays empty. So a
// slot finds its item by a comparison with each of their ends, and needs no table.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace lmspt::cuda {

struct RaggedItems {
  const int32_t* ends = nullptr;  // (count), in frames; null where items are of one length
  int count = 0, frames = 0;      // frames: of all items and behind them
  int in = 0, missing = 0;        // rows of x of a frame, those that an item lacks
  int positions = 0, extra = 0;   // of a frame, those of an item besides
  int gap = 0;                    // rows of zeros around items in x, where a kernel has them

  int64_t all_positions() const { return int64_t{frames} * positions + int64_t{count + 1} * extra; }
  int64_t slots(int rows) const { return all_positions() / rows + count + 1; }
  int64_t rows_with_gaps() const { return int64_t{frames} * in + int64_t{count + 1} * gap; }

  // Ends that do not ascend give nonsense, but nothing outside of memory.
  __device__ int end(int item) const {
    const int end = ends[item];
    return end < 0 ? 0 : (end < frames ? end : frames);
  }
  template <int kRows>
  __device__ int first_slot(int item, int first_frame) const {
    return (first_frame * positions + item * extra) / kRows + item;
  }
};

// A slot's item, or what lies behind the last one as item `count`, and its first position there.
struct RaggedPlace {
  int item, first, frames;  // the item's first frame and their number
  int m;

  template <int kRows>
  static __device__ RaggedPlace in(const RaggedItems& items, int item, int slot) {
    const int first = item > 0 ? items.end(item - 1) : 0;
    const int end = item < items.count ? items.end(item) : items.frames;
    return {item, first, end > first ? end - first : 0, (slot - items.first_slot<kRows>(item, first)) * kRows};
  }

  // By all threads of a warp together.
  template <int kRows>
  static __device__ RaggedPlace by_warp(const RaggedItems& items, int slot) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    int item = 0;
    for (int i = 0; i < items.count; i += 32) {
      const int next = i + lane + 1;
      const bool begun = next <= items.count && items.first_slot<kRows>(next, items.end(next - 1)) <= slot;
      item += __popc(__ballot_sync(0xffffffffu, begun));
    }
    return in<kRows>(items, item, slot);
  }

  // By a thread for itself.
  template <int kRows>
  static __device__ RaggedPlace by_thread(const RaggedItems& items, int slot) {
    int item = 0, last = items.count;
    while (item < last) {
      const int middle = (item + last) / 2;
      if (items.first_slot<kRows>(middle + 1, items.end(middle)) <= slot) {
        item = middle + 1;
      } else {
        last = middle;
      }
    }
    return in<kRows>(items, item, slot);
  }

  // Whether position m is one of the item's.
  __device__ bool exists(const RaggedItems& items) const {
    return frames > 0 && static_cast<unsigned>(m) < static_cast<unsigned>(frames * items.positions + items.extra);
  }
  __device__ bool is_behind(const RaggedItems& items) const { return item == items.count; }
};

}  // namespace lmspt::cuda

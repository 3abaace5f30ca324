// Tiles at the ends of items of different lengths that lie side by side: what taps read of other items becomes zeros
// where copies brought it. Include only from sm90_kernel.h.
#pragma once

#include "device/cuda/copy_ring.h"
#include "device/cuda/groups.h"
#include "device/cuda/warp_groups.h"
#include "gemm/cuda/sm90_units.h"
#include "gemm/cuda/tile_item.h"

namespace lmspt::cuda {

// Of one consumer, which clears the 64 rows that it multiplies.
class Sm90ItemEnds {
 public:
  static constexpr int kArrivals = kWarpGroup / 32;

  explicit __device__ Sm90ItemEnds(uint64_t* barrier) : barrier_(barrier) {}

  // A tile that begins at position m of an item. By all threads of the consumer.
  __device__ void enter(const Sm90Product& q, const RaggedPlace& item, int m) {
    if (!q.clears) return;
    const RaggedItems& items = q.p.ragged;
    m_ = of_warp(m);
    in_ = of_warp(item.frames * items.in - items.missing);
    left_ = of_warp(item.frames * items.positions + items.extra - m);
    const Sm90Axis& w = q.walk.w;
    const int first = (m_ + w.first) * w.stride.value() + w.origin;
    reaches_ = reads_outside(first, left_, kSm90Rows, w.stride.value(), (w.taps - 1) * w.dilation);
  }

  // By all threads of the consumer: of a block of K, of which copies brought `rows`, those that are stored and read
  // what is not the item's.
  __device__ void clear(const Sm90Product& q, int consumer, int block, unsigned char* rows) {
    if (!reaches_) return;
    constexpr int kRows = kSm90Rows / 2, kThreadsOfRow = kWarpGroup / kRows, kChunks = kSwizzleBytes / 16;
    const Sm90Axis& w = q.walk.w;
    const int stride = w.stride.value(), left = left_ - consumer * kRows;
    const Parts tap = w.at(divide(block, q.walk.taps_w).rest);
    const int first = (m_ + consumer * kRows + tap.quotient) * stride + tap.rest;
    if (!reads_outside(first, left, kRows, stride, 0)) return;
    const int thread = static_cast<int>(threadIdx.x) % kWarpGroup, row = thread / kThreadsOfRow;
    if (row < left && reads_outside(first + row * stride, 1, 1, stride, 0)) {
      unsigned char* target = rows + row * kSwizzleBytes;
#pragma unroll
      for (int i = 0; i < kChunks / kThreadsOfRow; ++i) {  // neighbouring rows in different banks
        const int chunk = (kThreadsOfRow * (row + i) + thread % kThreadsOfRow) % kChunks;
        store_operands(target + chunk * 16, make_uint4(0, 0, 0, 0));
      }
    }
    show_operands();
    __syncwarp();
    if (thread % 32 == 0) barrier_arrive(barrier_);
    barrier_wait(barrier_, phase_);
    __syncwarp();
    phase_ ^= 1;
  }

 private:
  // What compilers then know that a warp has in common.
  static __device__ int of_warp(int value) { return __shfl_sync(kAllLanes, value, 0); }

  // Whether of `left` positions, at most `most`, one reads beyond the item: the first reads row `first` of x and what
  // `reach` lets.
  __device__ bool reads_outside(int first, int left, int most, int stride, int reach) const {
    const int count = left < most ? left : most;
    return count > 0 && (first < 0 || first + (count - 1) * stride + reach >= in_);
  }

  uint64_t* barrier_;
  int m_ = 0, in_ = 0, left_ = 0, phase_ = 0;
  bool reaches_ = false;
};

}  // namespace lmspt::cuda

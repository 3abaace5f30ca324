// Tiles at the ends of items of different lengths that lie side by side: what taps read of other items becomes zeros
// where copies brought it. Include only from sm90_kernel.h.
#pragma once

#include "device/cuda/copy_ring.h"
#include "device/cuda/warp_groups.h"
#include "gemm/cuda/sm90_units.h"
#include "gemm/cuda/tile_item.h"

namespace lmspt::cuda {

// Of one consumer, which clears the 64 rows that it multiplies.
class Sm90ItemEnds {
 public:
  static constexpr int kArrivals = kWarpGroup / 32;

  explicit __device__ Sm90ItemEnds(uint64_t* barrier) : barrier_(barrier) {}

  // A tile that begins at position m of an item.
  __device__ void enter(const Sm90Product& q, const RaggedPlace& item, int m) {
    if (!q.clears) return;
    const Sm90Axis& w = q.walk.w;
    const int stride = w.stride.value(), all = item.frames * q.p.ragged.in - q.p.ragged.missing, in = all > 0 ? all : 0;
    const int first = (m + w.first) * stride + w.origin;
    const int last = first + (kSm90Rows - 1) * stride + (w.taps - 1) * w.dilation;
    m_ = m, in_ = in;
    reaches_ = first < 0 || last >= in;
  }

  // By all threads of the consumer: the rows of a block of K, of which copies brought `rows`.
  __device__ void clear(const Sm90Product& q, int consumer, int block, unsigned char* rows) {
    if (!reaches_) return;
    constexpr int kThreadsOfRow = 2, kBytes = kSwizzleBytes / kThreadsOfRow;
    const Sm90Axis& w = q.walk.w;
    const Parts tap = w.at(divide(block, q.walk.taps_w).rest);
    const int thread = static_cast<int>(threadIdx.x) % kWarpGroup, row = thread / kThreadsOfRow;
    const int at = (m_ + consumer * 64 + row + tap.quotient) * w.stride.value() + tap.rest;
    if (static_cast<unsigned>(at) >= static_cast<unsigned>(in_)) {
      unsigned char* target = rows + row * kSwizzleBytes + thread % kThreadsOfRow * kBytes;
#pragma unroll
      for (int i = 0; i < kBytes; i += 16) store_operands(target + i, make_uint4(0, 0, 0, 0));
    }
    show_operands();
    __syncwarp();
    if (thread % 32 == 0) barrier_arrive(barrier_);
    barrier_wait(barrier_, phase_);
    phase_ ^= 1;
  }

 private:
  uint64_t* barrier_;
  int m_ = 0, in_ = 0, phase_ = 0;
  bool reaches_ = false;
};

}  // namespace lmspt::cuda

// The kernel of sm90_shifted_outer.h. Include only from sm90_shifted_outer_cuda.cu.
//
// A block of K is eight positions along w by eight along h: a step along h is a swizzle block of shared memory. Each
// consumer has a tap along w of its own, whose box has as many rows more along h as taps there reach over, and sums all
// taps along h at once.
#pragma once

#include "device/cuda/copy_ring.h"
#include "device/cuda/warp_groups.h"
#include "gemm/cuda/sm90_outer_store.h"
#include "gemm/cuda/sm90_tiles.h"

namespace lmspt::cuda {

constexpr int kOuterStep = 8;    // positions of a block along w and h
constexpr int kOuterReach = 4;   // rows that taps along h reach over, at most
constexpr int kOuterWidth = 64;  // outputs, and channels of a task

// The parameter of the kernel. P is (outputs, 1, w, h, item), Q is (channels, rest of w, w, h, item); where w is no
// multiple of its stride, the last rests have a position less, and the second map.
struct Sm90ShiftedOuter {
  CUtensorMap p, q[2];
  int longer;  // rests of w below this one are in the first map
  Sm90Axis w;
  int first, step;            // rows of x, from an output's on, of the first tap along h, and of the next
  int reach;                  // rows more of a box of Q
  int blocks_w, blocks_h;     // of an item
  int pairs, across;          // of taps along w, and blocks of channels
  int pieces, blocks, piece;  // K in pieces of as many blocks
  int units;                  // tasks
  OuterProduct o;
  float* partial;  // (pieces, M, N), or null
};

template <int kTapsAlongH>
struct ShiftedOuterTile {
  static constexpr int kTaps = kTapsAlongH, kSums = kOuterWidth / 2;
  static constexpr int kPBytes = kOuterStep * kSwizzleBlock;
  static constexpr int kQBytes = (kOuterStep + kOuterReach) * kSwizzleBlock;
  static constexpr int kStageBytes = kPBytes + 2 * kQBytes, kBarrierBytes = 128;
  static constexpr int kStages = (kMostSharedBytes - kBarrierBytes) / kStageBytes;
  using Ring = CopyRing<kStages, kStageBytes, kConsumerWarps>;
  static constexpr int kBarriersAt = kStages * Ring::kStageBytes;
  static constexpr int kSharedBytes = kBarriersAt + Ring::kBarriers * static_cast<int>(sizeof(uint64_t));
  static_assert(kSharedBytes <= kMostSharedBytes && kStages >= kProducers);
};

// Two taps along w, a block of channels and a piece of K.
struct ShiftedOuterTask {
  int tap, channel, piece, begin, end;

  static __device__ ShiftedOuterTask of(const Sm90ShiftedOuter& q, int unit) {
    const int tasks = q.pairs * q.across, task = unit % tasks, piece = unit / tasks, begin = piece * q.piece;
    return {task / q.across * 2, task % q.across * kOuterWidth, piece, begin,
            begin + q.piece < q.blocks ? begin + q.piece : q.blocks};
  }
};

template <class Tile>
__device__ inline void produce_shifted_outer(const Sm90ShiftedOuter& q, const typename Tile::Ring& ring, int producer) {
  const int box_bytes = (kOuterStep + q.reach) * kSwizzleBlock, of_item = q.blocks_w * q.blocks_h;
  typename Tile::Ring::Place at;
  for (int unit = static_cast<int>(blockIdx.x); unit < q.units; unit += static_cast<int>(gridDim.x)) {
    const ShiftedOuterTask task = ShiftedOuterTask::of(q, unit);
    const int taps = q.w.taps - task.tap < 2 ? 1 : 2;
    for (int block = task.begin; block < task.end; ++block, at = at.after(1)) {
      if (static_cast<int>(at.count % kProducers) != producer) continue;
      const int item = block / of_item, place = block % of_item;
      const int w = place % q.blocks_w * kOuterStep, h = place / q.blocks_w * kOuterStep;
      ring.begin(at, Tile::kPBytes + taps * box_bytes);
      ring.copy(at, 0, &q.p, {{0, 0, w, h, item}});
      for (int i = 0; i < taps; ++i) {
        const Parts tap = q.w.at(task.tap + i);
        ring.copy(at, Tile::kPBytes + i * Tile::kQBytes, &q.q[tap.rest >= q.longer],
                  {{task.channel, tap.rest, w + tap.quotient, h + q.first, item}});
      }
    }
  }
}

template <class Tile>
__device__ inline void sum_shifted_outer(const typename Tile::Ring& ring, int consumer, int step, int blocks,
                                         typename Tile::Ring::Place& at, float (&sums)[Tile::kTaps][Tile::kSums]) {
  constexpr int kRow = kSwizzleBlock >> 4, kStep = 2 * kRow;  // of a descriptor: along h, to the next K
  for (int block = 0; block < blocks; ++block, at = at.after(1)) {
    ring.wait(at);
    const uint64_t p = operand_across_k(ring.at(at), kSwizzleBlock);
    const uint64_t q = operand_across_k(ring.at(at) + Tile::kPBytes + consumer * Tile::kQBytes, kSwizzleBlock);
    wgmma_fence();
#pragma unroll
    for (int tap = 0; tap < Tile::kTaps; ++tap) {
      const uint64_t of_tap = operand_after(q, tap * step * kRow);
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        wgmma<kOuterWidth, WgmmaKind::bf16_across>(sums[tap], operand_after(p, k * kStep),
                                                   operand_after(of_tap, k * kStep), block > 0 || k > 0);
      }
    }
    wgmma_commit();
    if (block > 0) {
      wgmma_wait<1>();
      ring.release(at.before(1));
    }
  }
  wgmma_wait<0>();
#pragma unroll
  for (int tap = 0; tap < Tile::kTaps; ++tap) wgmma_settle(sums[tap]);
  ring.release(at.before(1));
}

// A tap along w that is not there releases what it does not read.
template <class Tile>
__device__ inline void pass_shifted_outer(const typename Tile::Ring& ring, int blocks, typename Tile::Ring::Place& at) {
  for (int block = 0; block < blocks; ++block, at = at.after(1)) {
    ring.wait(at);
    __syncwarp();
    ring.release(at);
  }
}

template <class Tile>
__global__ __launch_bounds__(kSm90Threads,
                             1) void sm90_shifted_outer_kernel(const __grid_constant__ Sm90ShiftedOuter q) {
  if constexpr (kHasWgmma) {
    unsigned char* shared = swizzled_shared();
    const typename Tile::Ring ring(shared, reinterpret_cast<uint64_t*>(shared + Tile::kBarriersAt));
    if (threadIdx.x == 0) {
      ring.make();
      barrier_init_fence();
    }
    __syncthreads();
    const auto consume = [&] {
      const int consumer = warp_group() - 1;
      typename Tile::Ring::Place at;
      for (int unit = static_cast<int>(blockIdx.x); unit < q.units; unit += static_cast<int>(gridDim.x)) {
        const ShiftedOuterTask task = ShiftedOuterTask::of(q, unit);
        const int blocks = task.end - task.begin, tap = task.tap + consumer;
        if (tap >= q.w.taps) {
          pass_shifted_outer<Tile>(ring, blocks, at);
          continue;
        }
        float sums[Tile::kTaps][Tile::kSums];
        sum_shifted_outer<Tile>(ring, consumer, q.step, blocks, at, sums);
#pragma unroll
        for (int tap_h = 0; tap_h < Tile::kTaps; ++tap_h) {
          const OuterSums place{task.piece, 0, tap_h * q.w.taps + tap, 0, task.channel};
          store_outer_sums(q.o, q.partial, place, sums[tap_h]);
        }
      }
    };
    run_warp_groups<kSm90Threads / kWarpGroup, 56, kProducers>(
        [&](int producer) { produce_shifted_outer<Tile>(q, ring, producer); }, consume);
  }
}

}  // namespace lmspt::cuda

// The kernel of weight gradients for compute capability 9.0 and its launcher; see sm90_outer.h. Include only from the
// sm90_outer_*_cuda.cu files.
#pragma once

#include "gemm/cuda/sm90_kernel.h"
#include "gemm/cuda/sm90_outer_store.h"
#include "gemm/cuda/sm90_outer_units.h"

namespace lmspt::cuda {

// In bf16 products read operands across K, as they lie; in tf32 they cannot.
template <class Arithmetic, int kColumns, bool kPairs>
using Sm90OuterTile =
    Sm90Tile<Arithmetic, kColumns, kPairs, Arithmetic::kFloats == 2 ? WgmmaKind::bf16_across : WgmmaKind::tf32>;

// ---- kernels ----

// A tile of rows, of one tap's channels, of one group and one piece of K. Blocks of a pair differ in their rows.
struct Sm90OuterTask {
  int m, channel, tap_h, tap_w, group, piece, begin, end;

  template <class Tile>
  static __device__ Sm90OuterTask of(const Sm90Outer& q, int unit, int rank) {
    const int down = (q.down + Tile::kBlocks - 1) / Tile::kBlocks, tiles = down * q.across * q.taps_h * q.w.taps;
    const int tile = unit % tiles, place = unit / tiles, column = tile / down, tap = column / q.across;
    const int piece = place / q.groups, begin = piece * q.piece;
    return {(tile % down * Tile::kBlocks + rank) * kSm90Rows,
            column % q.across * Tile::kColumns,
            tap / q.w.taps,
            tap % q.w.taps,
            place % q.groups,
            piece,
            begin,
            begin + q.piece < q.blocks ? begin + q.piece : q.blocks};
  }
};

// The blocks of K of an item, along w, then along h.
struct Sm90OuterBlock {
  int item, h, w;

  __device__ Sm90OuterBlock(const Sm90Outer& q, int block) {
    const int of_item = q.blocks_w * q.blocks_h;
    item = block / of_item;
    h = block % of_item / q.blocks_w, w = block % q.blocks_w;
  }
  __device__ void advance(const Sm90Outer& q) {
    if (++w < q.blocks_w) return;
    w = 0;
    if (++h < q.blocks_h) return;
    h = 0, ++item;
  }
};

// The columns of Q, of which each block of a pair brings one half to both: of the positions, or in tf32 of the columns.
template <class Tile>
__device__ inline void copy_q(const Sm90Outer& q, const typename Tile::Ring& ring, const typename Tile::Ring::Place& at,
                              int rank, const CUtensorMap* map, const BoxPlace& first) {
  constexpr bool kAcross = Tile::kKind == WgmmaKind::bf16_across;
  constexpr int kParts = kAcross ? Tile::kColumns / 64 : 1;
  constexpr int kHalf = (kAcross ? kBoxBytes : Tile::kBBytes) / 2;
  BoxPlace place = first;
  if (kAcross) {
    place.at[2] += rank * q.half_w, place.at[3] += rank * q.half_h;
  } else {
    place.at[1] += rank * Tile::kColumns / 2;
  }
  for (int part = 0; part < kParts; ++part, place.at[0] += 64) {
    ring.copy_to_all(at, Tile::kABytes + part * kBoxBytes + rank * kHalf, map, place);
  }
}

template <class Tile>
__device__ inline void produce_sm90_outer(const Sm90Outer& q, const typename Tile::Ring& ring, int rank, int producer) {
  typename Tile::Ring::Place at;
  for (int unit = first_unit_of<Tile>(); unit < q.units; unit += unit_step_of<Tile>()) {
    const Sm90OuterTask task = Sm90OuterTask::of<Tile>(q, unit, rank);
    const Parts of_w = q.w.at(task.tap_w);
    const CUtensorMap* map = q.q + (of_w.rest < q.longer ? 0 : q.taps_h) + task.tap_h;
    const int first = q.first[task.tap_h];
    Sm90OuterBlock block(q, task.begin);
    for (int i = task.begin; i < task.end; ++i, block.advance(q)) {
      const int h = block.h * q.height, w = block.w * q.width;
      const int p_w = w + task.group, q_w = w * q.w_step + of_w.quotient + task.group;
      for (int term = 0; term < Tile::kTerms; ++term, at = at.after(1)) {  // hi lo, lo hi, hi hi
        if (static_cast<int>(at.count % kProducers) != producer) continue;
        const int p_item = block.item + (Tile::kTerms == 3 && term == 1 ? q.items : 0);
        const int q_item = block.item + (Tile::kTerms == 3 && term == 0 ? q.items : 0);
        ring.begin(at, Tile::kStageBytes);
        if constexpr (Tile::kKind == WgmmaKind::bf16_across) {
          for (int part = 0; part < kSm90Rows / 64; ++part) {
            ring.copy(at, part * kBoxBytes, &q.p, {{task.m + part * 64, 0, p_w, h, p_item}});
          }
          copy_q<Tile>(q, ring, at, rank, map, {{task.channel, of_w.rest, q_w, h + first, q_item}});
        } else {
          ring.copy(at, 0, &q.p, {{h, task.m, p_w, p_item, 0}});
          copy_q<Tile>(q, ring, at, rank, map, {{h + first, task.channel, q_w, q_item, 0}});
        }
      }
    }
  }
}

template <class Tile>
__global__ __launch_bounds__(kSm90Threads, 1) void sm90_outer_kernel(const __grid_constant__ Sm90Outer q) {
  if constexpr (kHasWgmma) {
    const auto produce = [&](const auto& ring, int rank, int producer) {
      produce_sm90_outer<Tile>(q, ring, rank, producer);
    };
    const auto consume = [&](const auto& ring, int rank, int consumer) {
      typename Tile::Ring::Place at;
      for (int unit = first_unit_of<Tile>(); unit < q.units; unit += unit_step_of<Tile>()) {
        const Sm90OuterTask task = Sm90OuterTask::of<Tile>(q, unit, rank);
        float sums[Tile::kColumns / 2];
        sum_sm90<Tile>(ring, consumer, (task.end - task.begin) * Tile::kTerms, at, sums, [](int, unsigned char*) {});
        const OuterSums place{task.piece, task.group, task.tap_h * q.w.taps + task.tap_w, task.m + consumer * 64,
                              task.channel};
        store_outer_sums(q.o, q.partial, place, sums);
      }
    };
    run_with_ring<Tile, 56>(produce, consume);
  }
}

// ---- launchers ----

template <class Arithmetic, int kColumns, bool kPairs>
void launch_sm90_outer(const KernelContext& context, Sm90Outer& q) {
  using Tile = Sm90OuterTile<Arithmetic, kColumns, kPairs>;
  const int64_t down = (q.down + Tile::kBlocks - 1) / Tile::kBlocks;
  q.units = static_cast<int>(down * q.across * q.taps_h * q.w.taps * q.groups * q.pieces);
  launch_clusters<Tile>(context, sm90_outer_kernel<Tile>, q.units, q);
}

template <class Arithmetic>
void launch_sm90_sums(const KernelContext& context, Sm90Outer& q, const Sm90Choice& choice) {
  switch (choice.columns) {
    case 64:
      if (choice.pairs) return launch_sm90_outer<Arithmetic, 64, true>(context, q);
      return launch_sm90_outer<Arithmetic, 64, false>(context, q);
    case 128:
      if (choice.pairs) return launch_sm90_outer<Arithmetic, 128, true>(context, q);
      return launch_sm90_outer<Arithmetic, 128, false>(context, q);
    case 192:
      if (choice.pairs) return launch_sm90_outer<Arithmetic, 192, true>(context, q);
      return launch_sm90_outer<Arithmetic, 192, false>(context, q);
    default:
      if (choice.pairs) return launch_sm90_outer<Arithmetic, 256, true>(context, q);
      return launch_sm90_outer<Arithmetic, 256, false>(context, q);
  }
}

}  // namespace lmspt::cuda

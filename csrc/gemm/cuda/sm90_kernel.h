// The kernel of the engine for compute capability 9.0 and its launcher. Include only from the sm90_*_cuda.cu files.
//
// A block has three warp groups. Four threads of the first, the producers, keep a ring of stages filled by bulk copies,
// as far ahead as it is large; the other two, the consumers, multiply 64 rows of the tile each. Blocks stay for as many
// tiles as there are, and copies for the next tile begin while the sums of this one are stored.
#pragma once

#include "device/cuda/copy_ring.h"
#include "device/cuda/launch.h"
#include "device/cuda/warp_groups.h"
#include "gemm/cuda/sm90_item_ends.h"
#include "gemm/cuda/sm90_tiles.h"

namespace lmspt::cuda {

constexpr int kBoxBytes = 64 * kSwizzleBytes;  // 64 rows of an operand along K, or 64 positions of 64 columns across K

template <class Arithmetic>
constexpr WgmmaKind kKindAlongK = Arithmetic::kFloats == 2 ? WgmmaKind::bf16 : WgmmaKind::tf32;

// kPairs: blocks are in clusters of two, each of which brings one half of the columns to both.
template <class Arithmetic, int kTileColumns, bool kPairs, WgmmaKind kOperands = kKindAlongK<Arithmetic>>
struct Sm90Tile {
  using Operands = Arithmetic;
  static constexpr int kColumns = kTileColumns, kBlocks = kPairs ? 2 : 1;
  static constexpr int kSums = kColumns / 2;  // of a thread
  static constexpr WgmmaKind kKind = kOperands;
  static constexpr int kChannels = kSwizzleBytes / 4 * Arithmetic::kFloats;  // of a block of K
  static constexpr int kTerms = Arithmetic::kPlanes == 2 ? 3 : 1;            // pairs of planes that are multiplied
  static constexpr int kABytes = kSm90Rows * kSwizzleBytes, kBBytes = kColumns * kSwizzleBytes;
  static constexpr int kStageBytes = kABytes + kBBytes;
  static constexpr int kRoom = kMostSharedBytes - kSwizzleBlock - kConsumerWarps * kStoredBytes;
  static constexpr int kStages = kRoom / kStageBytes < 8 ? kRoom / kStageBytes : 8;
  // Else a producer might wait for a stage whose release before the last is still to come: it would see the one before.
  static_assert(kStages >= kProducers);
  // The second consumer waits for a stage that is filled before any is released.
  static_assert(kStages > kStagesBehind);
  static constexpr int kStoredAt = kStages * kStageBytes, kBarriersAt = kStoredAt + kConsumerWarps * kStoredBytes;
  using Ring = CopyRing<kStages, kStageBytes, kConsumerWarps, kBlocks>;     // a stage: rows, then columns
  static constexpr bool kClears = kKind == WgmmaKind::bf16 && kTerms == 1;  // ends of items, where they have no gaps
  static constexpr int kEndBarriers = kClears ? kConsumerWarps * 32 / kWarpGroup : 0;  // one of each consumer
  static constexpr int kEndBarriersAt = kBarriersAt + Ring::kBarriers * static_cast<int>(sizeof(uint64_t));
  static constexpr int kSharedBytes = kEndBarriersAt + kEndBarriers * static_cast<int>(sizeof(uint64_t));

  static __device__ uint64_t* end_barriers() { return reinterpret_cast<uint64_t*>(swizzled_shared() + kEndBarriersAt); }
};

// ---- kernels ----

template <class Tile>
__device__ inline void produce_sm90(const Sm90Product& q, const typename Tile::Ring& ring, int rank, int producer) {
  constexpr int kPart = Tile::kColumns / Tile::kBlocks;
  const Sm90Walk& walk = q.walk;
  const int bytes = q.tiling.width.value() * q.tiling.height * kSwizzleBytes + Tile::kBBytes;
  typename Tile::Ring::Place at;
  for (int unit = first_unit_of<Tile>(); unit < q.tiling.units; unit += unit_step_of<Tile>()) {
    Sm90Place tile = Sm90Place::of<Tile>(q, unit, rank);
    if (!tile.enter_item<Tile>(q, unit, rank)) continue;
    const int weights = tile.item * walk.b_item + tile.group * walk.b_group;
    for (int block = 0; block < walk.channel_blocks; ++block) {
      const int channel = block * Tile::kChannels;
      for (int tap = 0; tap < walk.h.taps * walk.w.taps; ++tap) {
        for (int term = 0; term < Tile::kTerms; ++term, at = at.after(1)) {  // hi lo, lo hi, hi hi
          if (static_cast<int>(at.count % kProducers) != producer) continue;
          const Parts taps = divide(tap, walk.taps_w), of_h = walk.h.at(taps.quotient), of_w = walk.w.at(taps.rest);
          const int rest = of_h.rest + of_w.rest, map = walk.map_of(rest);
          const int w = walk.none[map] ? -kMostBox : tile.first_row + tile.w + of_w.quotient;
          const int h = tile.h * walk.h_step + of_h.quotient + tile.group;
          const int a_plane = Tile::kTerms == 3 && term == 1, b_plane = Tile::kTerms == 3 && term == 0;
          ring.begin(at, bytes);
          ring.copy(at, 0, &q.a[map], {{channel, rest, w, h, tile.item + a_plane * walk.items_of_plane}});
          ring.copy_to_all(at, Tile::kABytes + rank * kPart * kSwizzleBytes, &q.b[b_plane],
                           {{channel, tap, tile.n + rank * kPart, weights, 0}});
        }
      }
    }
  }
}

// The sums of 64 rows of a tile, by a consumer. `prepare(block, rows)` comes before the products of a block of K.
template <class Tile, class Prepare>
__device__ inline void sum_sm90(const typename Tile::Ring& ring, int consumer, int blocks,
                                typename Tile::Ring::Place& at, float (&sums)[Tile::kSums], const Prepare& prepare) {
  constexpr bool kAcross = Tile::kKind == WgmmaKind::bf16_across;
  constexpr int kStep = (kAcross ? 2 * kSwizzleBlock : 32) >> 4;  // of a descriptor, to the next K of an instruction
  for (int block = 0; block < blocks; ++block) {
    ring.wait(at);
    unsigned char *a = ring.at(at) + consumer * kBoxBytes, *b = ring.at(at) + Tile::kABytes;
    prepare(block, a);
    const uint64_t rows = kAcross ? operand_across_k(a, kBoxBytes) : operand_along_k(a);
    const uint64_t columns = kAcross ? operand_across_k(b, kBoxBytes) : operand_along_k(b);
    wgmma_fence();
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      wgmma<Tile::kColumns, Tile::kKind>(sums, rows + k * kStep, columns + k * kStep, block > 0 || k > 0);
    }
    wgmma_commit();
    if (block > 0) {
      wgmma_wait<1>();
      ring.release(at.before(1));
    }
    at = at.after(1);
  }
  wgmma_wait<0>();
  wgmma_settle(sums);
  ring.release(at.before(1));
}

// What both kernels have in common: `produce(ring, rank, producer)` runs in kProducers threads, which need so many
// registers, `consume(ring, rank, consumer)` in two warp groups.
template <class Tile, int kProducerRegisters, class Produce, class Consume>
__device__ inline void run_with_ring(const Produce& produce, const Consume& consume) {
  unsigned char* shared = swizzled_shared();
  const typename Tile::Ring ring(shared, reinterpret_cast<uint64_t*>(shared + Tile::kBarriersAt));
  const auto meet = [] {
    if constexpr (Tile::kBlocks > 1) {
      cluster_barrier();
    } else {
      __syncthreads();
    }
  };
  if (threadIdx.x == 0) {
    ring.make();
    for (int i = 0; i < Tile::kEndBarriers; ++i) barrier_init(Tile::end_barriers() + i, Sm90ItemEnds::kArrivals);
    barrier_init_fence();
  }
  meet();
  const auto rank = [] {
    if constexpr (Tile::kBlocks > 1) return cluster_rank();
    return 0;
  };
  run_warp_groups<kSm90Threads / kWarpGroup, kProducerRegisters, kProducers>(
      [&](int producer) { produce(ring, rank(), producer); }, [&] { consume(ring, rank(), warp_group() - 1); });
  if constexpr (Tile::kBlocks > 1) {
    __syncwarp();
    meet();  // a block stays while others write to it
  }
}

template <class Tile>
__global__ __launch_bounds__(kSm90Threads, 1) void sm90_product_kernel(const __grid_constant__ Sm90Product q) {
  if constexpr (kHasWgmma) {
    const auto produce = [&](const auto& ring, int rank, int producer) { produce_sm90<Tile>(q, ring, rank, producer); };
    const auto consume = [&](const auto& ring, int rank, int consumer) {
      const int blocks = q.walk.channel_blocks * q.walk.h.taps * q.walk.w.taps * Tile::kTerms;
      typename Tile::Ring::Place at;
      Sm90ItemEnds ends(Tile::end_barriers() + consumer);
      for (int unit = first_unit_of<Tile>(); unit < q.tiling.units; unit += unit_step_of<Tile>()) {
        Sm90Place tile = Sm90Place::of<Tile>(q, unit, rank);
        const bool has_rows = tile.enter_item<Tile>(q, unit, rank);
        if (tile.is_behind(q) && tile.is_stored) {
          tile.is_stored = false;
          if (tile.group == 0 && tile.n == 0) {
            clear_behind<Tile::Operands::kHalves>(q.p.ragged, q.p.c, tile.ragged, kSm90Rows, threadIdx.x - kWarpGroup,
                                                  2 * kWarpGroup);
          }
        }
        if (!has_rows) continue;
        if (consumer == 1 && at.count == 0 && blocks > kStagesBehind) ring.wait(at.after(kStagesBehind));
        float sums[Tile::kSums];
        if constexpr (Tile::kClears) {
          ends.enter(q, tile.ragged, tile.w);
          const auto clear = [&](int block, unsigned char* rows) { ends.clear(q, consumer, block, rows); };
          sum_sm90<Tile>(ring, consumer, blocks, at, sums, clear);
        } else {
          sum_sm90<Tile>(ring, consumer, blocks, at, sums, [](int, unsigned char*) {});
        }
        finish_sm90<Tile>(q, tile, consumer, sums);
      }
    };
    run_with_ring<Tile, 40>(produce, consume);
  }
}

// ---- launchers ----

// How many run at the same time: where multiprocessors are grouped in odd numbers, fewer pairs than half of them.
template <class Tile, class Kernel>
int64_t clusters_at_once(const KernelContext& context, Kernel kernel) {
  const int64_t blocks = most_resident_blocks(context);
  if constexpr (Tile::kBlocks == 1) return blocks;
  static const int most = [&] {
    const Grid grid{dim3(Tile::kBlocks), kSm90Threads, Tile::kSharedBytes, Tile::kBlocks};
    const LaunchConfig launch(context, kernel, grid);
    int count = 0;
    check(cudaOccupancyMaxActiveClusters(&count, kernel, &launch.config), "count clusters");
    return count;
  }();
  return std::max<int64_t>(1, std::min<int64_t>(blocks / Tile::kBlocks, most));
}

// As many blocks as run at the same time, for so many units of work of a cluster.
template <class Tile, class Parameter>
void launch_clusters(const KernelContext& context, void (*kernel)(Parameter), int64_t units, const Parameter& q) {
  const int64_t clusters = std::min(units, clusters_at_once<Tile>(context, kernel));
  launch(context, kernel,
         {dim3(static_cast<unsigned>(clusters * Tile::kBlocks)), kSm90Threads, Tile::kSharedBytes, Tile::kBlocks}, q);
}

template <class Tile>
void launch_sm90(const KernelContext& context, Sm90Product& q) {
  count_units<Tile>(q.p, q.tiling);
  launch_clusters<Tile>(context, sm90_product_kernel<Tile>, q.tiling.units, q);
}

template <class Arithmetic>
void launch_sm90_product(const KernelContext& context, Sm90Product& q, const Sm90Choice& choice) {
  switch (choice.columns) {
    case 64:
      if (choice.pairs) return launch_sm90<Sm90Tile<Arithmetic, 64, true>>(context, q);
      return launch_sm90<Sm90Tile<Arithmetic, 64, false>>(context, q);
    case 128:
      if (choice.pairs) return launch_sm90<Sm90Tile<Arithmetic, 128, true>>(context, q);
      return launch_sm90<Sm90Tile<Arithmetic, 128, false>>(context, q);
    case 192:
      if (choice.pairs) return launch_sm90<Sm90Tile<Arithmetic, 192, true>>(context, q);
      return launch_sm90<Sm90Tile<Arithmetic, 192, false>>(context, q);
    default:
      if (choice.pairs) return launch_sm90<Sm90Tile<Arithmetic, 256, true>>(context, q);
      return launch_sm90<Sm90Tile<Arithmetic, 256, false>>(context, q);
  }
}

}  // namespace lmspt::cuda

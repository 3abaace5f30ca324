// The kernel of sm90_shifted.h. Include only from sm90_shifted_cuda.cu.
//
// Positions of one rest along w are brought once for all taps that read them, as a box that is wider than what it keeps
// by what taps reach over. Row i of a tap's operand is row i + shift of the box; rows between two rows of the image are
// multiplied and never stored. Weights follow in a ring of their own. A consumer multiplies kSets times 64 rows.
#pragma once

#include "device/cuda/copy_ring.h"
#include "device/cuda/warp_groups.h"
#include "gemm/cuda/arithmetic.h"
#include "gemm/cuda/sm90_tiles.h"

namespace lmspt::cuda {

constexpr int kShiftedMore = 64;  // rows of a box beyond those of its tile, at most
constexpr int kWeightProducers = kProducers - 1;
constexpr int kTapsToBeBehind = 4;  // of a box: with fewer, consumers apart would keep boxes from being brought ahead

// The parameter of the kernel.
struct Sm90Shifted {
  Sm90Product product;
  int rests, step;  // that taps along w have; from one tap of a rest to the next
};

template <int kTileSets>
struct Sm90ShiftedTile {
  using Operands = Bf16;
  static constexpr int kColumns = 64, kBlocks = 1, kSets = kTileSets;
  static constexpr int kSumsOfSet = kColumns / 2, kSums = kSets * kSumsOfSet;  // of a thread
  static constexpr int kRows = kSets * kSm90Rows;
  static constexpr int kStageBytes = (kRows + kShiftedMore) * kSwizzleBytes;
  static constexpr int kWeightBytes = kColumns * kSwizzleBytes, kBarrierBytes = 256;
  static constexpr int kRoom = kMostSharedBytes - kConsumerWarps * kStoredBytes - kBarrierBytes;
  static constexpr int kStages = kSets > 2 ? 2 : 3;
  static constexpr int kRoomForWeights = (kRoom - kStages * kStageBytes) / kWeightBytes;
  static constexpr int kWeightStages = kRoomForWeights < 8 ? kRoomForWeights : 8;
  static_assert(kWeightStages >= kWeightProducers && kWeightStages > kStagesBehind);
  using RowRing = CopyRing<kStages, kStageBytes, kConsumerWarps>;
  using WeightRing = CopyRing<kWeightStages, kWeightBytes, kConsumerWarps>;
  using Rings = TwoRings<RowRing, WeightRing>;
  static_assert(Rings::kBytes - Rings::kStageBytes <= kBarrierBytes);
  static constexpr int kStoredAt = Rings::kStageBytes + kBarrierBytes;
  static constexpr int kSharedBytes = kStoredAt + kConsumerWarps * kStoredBytes;
};

// `body(block of channels, tap along h, rest, taps of it along w)` in the order of sums.
template <class Body>
__device__ inline void each_shifted_box(const Sm90Shifted& q, const Body& body) {
  const Sm90Walk& walk = q.product.walk;
  for (int block = 0; block < walk.channel_blocks; ++block) {
    for (int h = 0; h < walk.h.taps; ++h) {
      for (int rest = 0; rest < q.rests; ++rest) body(block, h, rest, (walk.w.taps - rest - 1) / q.rests + 1);
    }
  }
}

// ---- the first warp group ----

template <class Tile>
__device__ inline void produce_boxes(const Sm90Shifted& shifted, const typename Tile::RowRing& ring) {
  const Sm90Product& q = shifted.product;
  const Sm90Walk& walk = q.walk;
  const int bytes = q.tiling.width.value() * q.tiling.height * kSwizzleBytes;
  typename Tile::RowRing::Place at;
  for (int unit = first_unit_of<Tile>(); unit < q.tiling.units; unit += unit_step_of<Tile>()) {
    const Sm90Place tile = Sm90Place::of<Tile>(q, unit, 0);
    each_shifted_box(shifted, [&](int block, int tap_h, int rest_w, int) {
      const Parts of_h = walk.h.at(tap_h), of_w = walk.w.at(rest_w);
      const int rest = of_h.rest + of_w.rest, map = walk.map_of(rest);
      const int w = walk.none[map] ? -kMostBox : tile.w + of_w.quotient;
      ring.begin(at, bytes);
      ring.copy(at, 0, &q.a[map], {{block * 64, rest, w, tile.h + of_h.quotient, tile.item}});
      at = at.after(1);
    });
  }
}

template <class Tile>
__device__ inline void produce_weights(const Sm90Shifted& shifted, const typename Tile::WeightRing& ring,
                                       int producer) {
  const Sm90Product& q = shifted.product;
  typename Tile::WeightRing::Place at;
  for (int unit = first_unit_of<Tile>(); unit < q.tiling.units; unit += unit_step_of<Tile>()) {
    each_shifted_box(shifted, [&](int block, int tap_h, int rest, int taps) {
      int tap = tap_h * q.walk.w.taps + rest;
      for (int i = 0; i < taps; ++i, tap += shifted.rests, at = at.after(1)) {
        if (static_cast<int>(at.count % kWeightProducers) != producer) continue;
        ring.begin(at, Tile::kWeightBytes);
        ring.copy(at, 0, &q.b[0], {{block * 64, tap, 0, 0, 0}});
      }
    });
  }
}

// ---- the warp groups that multiply ----

template <class Tile>
class Sm90ShiftedConsumer {
  static constexpr int kStep = 32 >> 4;  // of a descriptor, to the next 16 channels
  static constexpr int kRow = kSwizzleBytes >> 4, kSet = 64 * kRow;

 public:
  __device__ Sm90ShiftedConsumer(const Sm90Shifted& q, const typename Tile::Rings& rings)
      : q_(q), rings_(rings), consumer_(warp_group() - 1) {}

  __device__ void run() {
    const Sm90Product& q = q_.product;
    // There are no blocks without a unit, for which this would wait forever.
    if (consumer_ == 1 && q.walk.w.taps >= kTapsToBeBehind * q_.rests)
      rings_.second.wait(weights_.after(kStagesBehind));
    for (int unit = first_unit_of<Tile>(); unit < q.tiling.units; unit += unit_step_of<Tile>()) {
      float sums[Tile::kSums];
      sum(sums);
      finish_sm90<Tile>(q, Sm90Place::of<Tile>(q, unit, 0), consumer_, sums);
    }
  }

 private:
  __device__ void sum(float (&sums)[Tile::kSums]) {
    bool add = false;
    each_shifted_box(q_, [&](int, int, int, int taps) {
      rings_.first.wait(box_);
      const uint64_t rows = operand_along_k(rings_.first.at(box_) + consumer_ * Tile::kSets * 64 * kSwizzleBytes);
#pragma unroll 1
      for (int tap = 0; tap < taps; ++tap) {
        rings_.second.wait(weights_);
        multiply(operand_after(rows, tap * q_.step * kRow), operand_along_k(rings_.second.at(weights_)), add, sums);
        if (add) {
          wgmma_wait<1>();
          rings_.second.release(weights_.before(1));
          if (tap == 0) rings_.first.release(box_.before(1));
        }
        add = true;
        weights_ = weights_.after(1);
      }
      box_ = box_.after(1);
    });
    wgmma_wait<0>();
    wgmma_settle(sums);
    rings_.second.release(weights_.before(1));
    rings_.first.release(box_.before(1));
  }

  // A tap of all sets.
  __device__ void multiply(uint64_t rows, uint64_t columns, bool add, float (&sums)[Tile::kSums]) const {
    wgmma_fence();
#pragma unroll
    for (int set = 0; set < Tile::kSets; ++set) {
      auto& of_set = reinterpret_cast<float (&)[Tile::kSumsOfSet]>(sums[set * Tile::kSumsOfSet]);
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        wgmma<Tile::kColumns, WgmmaKind::bf16>(of_set, operand_after(rows, set * kSet + k * kStep),
                                               operand_after(columns, k * kStep), add || k > 0);
      }
    }
    wgmma_commit();
  }

  const Sm90Shifted& q_;
  const typename Tile::Rings& rings_;
  const int consumer_;
  typename Tile::RowRing::Place box_;
  typename Tile::WeightRing::Place weights_;
};

// ---- kernel ----

template <class Tile>
__global__ __launch_bounds__(kSm90Threads, 1) void sm90_shifted_kernel(const __grid_constant__ Sm90Shifted q) {
  if constexpr (kHasWgmma) {
    const typename Tile::Rings rings(swizzled_shared());
    if (threadIdx.x == 0) rings.make();
    __syncthreads();
    const auto produce = [&](int producer) {
      if (producer == 0) return produce_boxes<Tile>(q, rings.first);
      produce_weights<Tile>(q, rings.second, producer - 1);
    };
    run_warp_groups<kSm90Threads / kWarpGroup, 40, kProducers>(produce,
                                                               [&] { Sm90ShiftedConsumer<Tile>(q, rings).run(); });
  }
}

}  // namespace lmspt::cuda

// What the kernel for residual units of compute capability 9.0 is given, its tiles, and where they lie.
#pragma once

#include "device/cuda/copy_ring.h"
#include "gemm/cuda/sm90_units.h"
#include "gemm/cuda/tile_item.h"

namespace lmspt::cuda {

constexpr int kUnitThreads = 3 * kWarpGroup;
constexpr int kUnitReach = 56;                           // rows that taps may reach beyond a tile
constexpr int kUnitKeptColumns = 64, kUnitKeptTaps = 7;  // of which weights are kept
constexpr int kSnakeWarps = 3;                           // of the first warp group; the fourth copies
constexpr int kChunkBytes = 16, kChunkChannels = 8;
constexpr int kSetRows = 2 * 64;  // that both consumers multiply at a time

// What consumers need of each column: a table of so many rows.
enum UnitFactor { kInnerBias, kInnerAlpha, kInnerInverse, kBias, kNextAlpha, kNextInverse, kUnitFactors };

// The parameter of the kernel.
struct Sm90Unit {
  CUtensorMap x[2];    // channels, none, rows of all items; in boxes of a set of rows, and of what taps reach
  CUtensorMap first;   // weights: channels, taps, columns
  CUtensorMap second;  // channels, and columns in the order of Sm90UnitConsumer::store
  Product p;           // the first product with the C of the second
  const float *alpha, *bias, *inner_alpha;  // Snake of x, the first bias or null, Snake in between
  int taps = 1, dilation = 1, reach = 8;    // reach: of whole swizzle blocks
  int tiles = 0;
  Divisor tiles_of_item;
};

template <int kMost>
constexpr int at_most(int count) {
  return count < kMost ? count : kMost;
}

template <int kTileColumns, int kTileSets>
struct Sm90UnitTile {
  static constexpr int kColumns = kTileColumns, kSets = kTileSets, kRows = kSets * kSetRows;
  static constexpr bool kKept = kColumns <= kUnitKeptColumns;
  static constexpr int kSums = kColumns / 2, kSteps = kColumns / 16, kFours = kColumns / 16,
                       kBlocks = (kColumns + 63) / 64;
  static constexpr bool kLoadsEarly = kSets * kColumns <= 128;
  static constexpr int kBlockBytes = (kRows + kUnitReach) * kSwizzleBytes, kStageBytes = kBlocks * kBlockBytes;
  static constexpr int kTableBytes = kUnitFactors * kColumns * static_cast<int>(sizeof(float)), kBarrierBytes = 512;
  static constexpr int kWeightBytes = kColumns * kSwizzleBytes;
  static constexpr int kRoom = kMostSharedBytes - kTableBytes - kBarrierBytes;
  // All weights, and as many tiles as have room then; or two tiles, and as many weights.
  static constexpr int kKeptStages = kBlocks * (kUnitKeptTaps + 1);
  static constexpr int kStages = kKept ? at_most<4>((kRoom - kKeptStages * kWeightBytes) / kStageBytes) : 2;
  static constexpr int kWeightStages = kKept ? kKeptStages : at_most<8>((kRoom - kStages * kStageBytes) / kWeightBytes);
  static_assert(kStages >= 2 && kWeightStages > kBlocks);
  using RowRing = CopyRing<kStages, kStageBytes, kConsumerWarps>;
  using WeightRing = CopyRing<kWeightStages, kWeightBytes, kConsumerWarps>;
  // And for each stage and consumer the barrier at which those arrive who apply Snake.
  using Rings = TwoRings<RowRing, WeightRing, 2 * kStages, kSnakeWarps>;
  static_assert(Rings::kBytes - Rings::kStageBytes <= kBarrierBytes);
  static constexpr int kTableAt = Rings::kStageBytes + kBarrierBytes;
  static constexpr int kSharedBytes = kTableAt + kTableBytes;
};

// ---- tiles ----

struct Sm90UnitPlace {
  TileItem item;
  int m, first_row;  // the tile's first position in its item, the item's first row of x
  bool exists;
  RaggedPlace ragged{};

  template <class Tile>
  static __device__ Sm90UnitPlace of(const Sm90Unit& q, int tile) {
    const RaggedItems& items = q.p.ragged;
    if (items.ends) {
      const RaggedPlace at = RaggedPlace::by_thread<Tile::kRows>(items, tile);
      return {item_of(q.p, at, 0), at.m, at.first * items.in, at.exists(items), at};
    }
    const Parts at = divide(tile, q.tiles_of_item);
    return {item_of(q.p, at.quotient, 0), at.rest * Tile::kRows, at.quotient * q.p.a.w.in, true};
  }

  __device__ bool is_behind(const Sm90Unit& q) const { return q.p.ragged.ends && ragged.is_behind(q.p.ragged); }
  __device__ bool has_rows(const Sm90Unit& q) const { return exists && !is_behind(q); }
};

// The tiles of the block that have rows, one after the other.
template <class Tile>
class Sm90UnitTiles {
 public:
  explicit __device__ Sm90UnitTiles(const Sm90Unit& q) : q_(q) {}

  __device__ bool next(Sm90UnitPlace& place) {
    while (tile_ < q_.tiles) {
      place = Sm90UnitPlace::of<Tile>(q_, tile_);
      tile_ += static_cast<int>(gridDim.x);
      if (place.has_rows(q_)) return true;
    }
    return false;
  }

 private:
  const Sm90Unit& q_;
  int tile_ = static_cast<int>(blockIdx.x);
};

}  // namespace lmspt::cuda

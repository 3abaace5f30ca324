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

// Columns are multiplied in parts, of which one's weights are a stage.
template <int kTileColumns, int kTileSets>
struct Sm90UnitTile {
  static constexpr int kColumns = kTileColumns, kSets = kTileSets, kRows = kSets * kSetRows;
  static constexpr bool kKept = kColumns <= kUnitKeptColumns;
  static constexpr int kParts = kColumns > 128 ? 2 : 1, kPartColumns = kColumns / kParts;
  static_assert(kParts == 1 || kSets == 1);  // sets read the weights of the second product one after the other
  static constexpr int kSums = kPartColumns / 2, kFours = kPartColumns / 16;  // of a part
  static constexpr int kSteps = kColumns / 16, kBlocks = (kColumns + 63) / 64;
  static constexpr bool kClears = kColumns > 96;  // sums, before the first product
  static constexpr bool kLoadsEarly = kSets * kColumns <= 128;
  static constexpr int kBlockBytes = (kRows + kUnitReach) * kSwizzleBytes, kStageBytes = kBlocks * kBlockBytes;
  static constexpr int kTableBytes = kUnitFactors * kColumns * static_cast<int>(sizeof(float)), kBarrierBytes = 512;
  static constexpr int kWeightBytes = kPartColumns * kSwizzleBytes;
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

// The tiles of the block that have rows, one after the other.
template <class Tile>
class Sm90UnitTiles {
 public:
  explicit __device__ Sm90UnitTiles(const Sm90Unit& q) : q_(q) {}

  __device__ bool next(TileOfItem& place) {
    while (tile_ < q_.tiles) {
      place = TileOfItem::of<Tile::kRows>(q_.p, tile_, q_.tiles_of_item);
      tile_ += static_cast<int>(gridDim.x);
      if (place.has_rows) return true;
    }
    return false;
  }

 private:
  const Sm90Unit& q_;
  int tile_ = static_cast<int>(blockIdx.x);
};

}  // namespace lmspt::cuda

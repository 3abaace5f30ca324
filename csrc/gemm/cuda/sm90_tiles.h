// The tiles of the kernels for compute capability 9.0: where they lie, and how what was summed of them is stored.
// Include only from the kernels.
#pragma once

#include "device/cuda/instructions_sm90.h"
#include "device/cuda/launch.h"
#include "gemm/cuda/sm90_store.h"
#include "gemm/cuda/sm90_units.h"

namespace lmspt::cuda {

constexpr int kSm90Threads = 3 * kWarpGroup;
constexpr int kProducers = 4;  // threads, each of which fills every fourth stage: one takes 0.4 us for a stage
constexpr int kBandRows = 16;  // tiles
// So many stages the second consumer begins behind the first, and stays there: so one has the tensor cores while the
// other stores.
constexpr int kStagesBehind = 2;

// A tile: its group, item, first position within the item and first column. The last of an odd number of tiles has a
// partner without rows.
struct Sm90Place {
  int group, item, h, w, n;
  bool is_stored;        // whether it has rows
  int first_row = 0;     // of x, where the item begins, in strides
  RaggedPlace ragged{};  // of items of different lengths

  template <class Tile>
  static __device__ Sm90Place of(const Sm90Product& q, int unit, int rank) {
    const Sm90Tiling& tiling = q.tiling;
    constexpr int kBand = kBandRows / Tile::kBlocks;
    const Parts group = divide(unit, tiling.of_group), band = divide(group.rest, tiling.of_band);
    const int first = band.quotient * kBand, left = tiling.rows - first, height = left < kBand ? left : kBand;
    const int across = height == kBand ? band.rest / kBand : band.rest / height;
    const int row = (first + band.rest - across * height) * Tile::kBlocks + rank;
    const Parts item = divide(row, tiling.down), box = divide(item.rest, tiling.boxes_across);
    return {group.quotient,
            item.quotient,
            box.quotient * tiling.kept_height,
            box.rest * tiling.kept_width,
            across * Tile::kColumns,
            item.quotient < q.p.items};
  }

  // Where the tile lies in its item. False where no tile of its unit has rows.
  template <class Tile>
  __device__ bool enter_item(const Sm90Product& q, int unit, int rank) {
    const RaggedItems& items = q.p.ragged;
    if (!items.ends) return true;
    bool some = false;
    for (int other = 0; other < Tile::kBlocks; ++other) {
      Sm90Place tile = of<Tile>(q, unit, other);
      tile.ragged = RaggedPlace::by_thread<kSm90Rows>(items, tile.w / kSm90Rows);
      tile.is_stored = tile.is_stored && tile.ragged.exists(items);
      tile.w = tile.ragged.m;
      const int first_row = tile.ragged.first * items.in + (tile.ragged.item + 1) * items.gap;
      tile.first_row = divide(first_row, q.walk.w.stride).quotient;
      some |= tile.is_stored && !tile.ragged.is_behind(items);
      if (other == rank) *this = tile;
    }
    return some;
  }

  __device__ bool is_behind(const Sm90Product& q) const { return q.p.ragged.ends && ragged.is_behind(q.p.ragged); }
};

// Units of work of a cluster. Asked for where they are needed: across the branch of the warp groups they take
// registers.
template <class Tile>
__device__ inline int first_unit_of() {
  return static_cast<int>(blockIdx.x) / Tile::kBlocks;
}
template <class Tile>
__device__ inline int unit_step_of() {
  return static_cast<int>(gridDim.x) / Tile::kBlocks;
}

// Stores what a consumer summed, one set of 64 rows of its tile after the other.
template <class Tile>
__device__ inline void finish_sm90(const Sm90Product& q, const Sm90Place& tile, int consumer,
                                   const float (&sums)[Tile::kSums]) {
  constexpr int kSets = Tile::kSums / (Tile::kColumns / 2), kChunks = Tile::kColumns / kStoredColumns;
  const Product& p = q.p;
  const Sm90Tiling& tiling = q.tiling;
  const int thread = thread_now(), lane = thread % 32, warp = thread / 32 % 4;
  const int row = lane / 8, column = lane % 8 * 4;
  auto* staged = reinterpret_cast<float*>(swizzled_shared() + Tile::kStoredAt + (consumer * 4 + warp) * kStoredBytes);
  const TileItem item = p.ragged.ends ? item_of(p, tile.ragged, tile.group) : item_of(p, tile.item, tile.group);
  const float* bias = p.c.bias ? p.c.bias + tile.group * p.c.span.value() : nullptr;
  const float* mine = staged + row * kStoredPitch + column;
  constexpr int kPitch = 4 * kStoredPitch;
#pragma unroll 1
  for (int set = 0; set < kSets; ++set) {
    const int first_row = ((consumer * kSets + set) * 4 + warp) * kStoredRows + row;
    const auto position = [&](int i) {
      const Parts place = divide(first_row + 4 * i, tiling.width);
      const int w = tile.w + place.rest, m = (tile.h + place.quotient) * tiling.width_of_item + w;
      const bool kept = place.quotient < tiling.kept_height && place.rest < tiling.kept_width;
      return tile.is_stored && kept && w < tiling.width_of_item && m < item.rows ? m : -1;
    };
    const Sm90Rows<Tile::Operands::kHalves> rows(p, item, position);
#pragma unroll 1
    for (int chunk = 0; chunk < kChunks; ++chunk) {
      const int first = tile.n + chunk * kStoredColumns, n = first + column;
      if (first >= p.columns) break;
      if (q.vectors) {
        const auto columns = rows.template fetch<4>(bias, n);  // on its way while sums change places
        stage_columns(sums, set * kChunks + chunk, staged);
        __syncwarp();
        rows.store(columns, bias != nullptr, mine, kPitch);
      } else {
        stage_columns(sums, set * kChunks + chunk, staged);
        __syncwarp();
#pragma unroll 1
        for (int i = 0; i < 4; ++i) {
          rows.store(rows.template fetch<1>(bias, n + i), bias != nullptr, mine + i, kPitch);
        }
      }
      __syncwarp();  // before the next columns
    }
  }
}

// The rest of the tiling, whose boxes are chosen.
template <class Tile>
void count_units(const Product& p, Sm90Tiling& tiling) {
  tiling.rows = up(p.items * tiling.down.value(), Tile::kBlocks);
  tiling.across = up(p.columns, Tile::kColumns);
  tiling.of_group = Divisor(tiling.rows * tiling.across);
  tiling.of_band = Divisor(kBandRows / Tile::kBlocks * tiling.across);
  tiling.units = static_cast<int>(p.groups * tiling.rows * tiling.across);
}

}  // namespace lmspt::cuda

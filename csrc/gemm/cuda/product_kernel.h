// The kernel of the engine and its launcher; see product.h. Include only from the product_*_cuda.cu files.
#pragma once

#include "device/cuda/launch.h"
#include "gemm/cuda/columns_of_b.h"
#include "gemm/cuda/elements_of_c.h"
#include "gemm/cuda/rows_of_a.h"

namespace lmspt::cuda {

// How a launch shares out its work and its shared memory.
struct Tiling {
  int down, across;  // tiles of a group's rows and columns
  int64_t tiles;     // of all items and groups
  int staged;        // rows of a block of A: those of a tile and what shifts reach over
  bool vectors;      // whether C may be written by several columns at once
};

// ---- kernels ----

// Where the tile begins, and what it multiplies.
struct TilePlace {
  int64_t group, item;
  int m, n;

  template <class Tile>
  static __device__ TilePlace of(const Product& p, const Tiling& tiling, int64_t tile) {
    const int64_t line = tile / tiling.across, place = line / tiling.down;
    return {place % p.groups, place / p.groups, static_cast<int>(line % tiling.down) * Tile::kRows,
            static_cast<int>(tile % tiling.across) * Tile::kColumns};
  }
};

// A tile, its item and its rows, in shared memory: registers are scarce.
struct alignas(16) PlacedTile {
  TileItem item;
  TilePlace at;

  static size_t bytes(int staged) { return sizeof(PlacedTile) + staged * sizeof(RowPlace); }
  __device__ RowPlace* places() { return reinterpret_cast<RowPlace*>(this + 1); }
  __device__ const RowPlace* places() const { return reinterpret_cast<const RowPlace*>(this + 1); }
  __device__ uint32_t* end(int staged) { return reinterpret_cast<uint32_t*>(places() + staged); }
};

// Places a tile, of which `staged` rows, in its item. False where it has no rows; those behind the last of items of
// different lengths become zeros in the C of `target`.
template <class Tile>
__device__ inline bool place_tile(const Product& p, const Product& target, int staged, TilePlace at, PlacedTile& tile) {
  TileItem item;
  if (p.ragged.ends) {
    const RaggedPlace place = RaggedPlace::by_warp<Tile::kRows>(p.ragged, at.m / Tile::kRows);
    if (!place.exists(p.ragged)) return false;
    if (place.is_behind(p.ragged)) {
      if (at.group > 0 || at.n > 0) return false;
      clear_behind<Tile::Operands::kHalves>(p.ragged, target.c, place, Tile::kRows, threadIdx.x, blockDim.x);
      return false;
    }
    at.m = place.m;
    item = item_of(p, place, at.group);
  } else {
    item = item_of(p, at.item, at.group);
  }
  if (threadIdx.x == 0) tile.item = item, tile.at = at;
  place_rows(p, at.m, item.rows, staged, tile.places());
  __syncthreads();
  return true;
}

// The blocks of B that a tile reads.
template <class Tile>
__device__ inline BlockOfB<Tile::Operands::kPlanes, Tile::kColumns> blocks_of(const Product& p, const TilePlace& at) {
  const int64_t first_panel = at.n / kPanelWidth;
  return {p.b, p.b.data + at.item * p.b.item + at.group * p.b.group + first_panel * p.b.panel,
          (p.columns + kPanelWidth - 1) / kPanelWidth - first_panel};
}

// Blocks of B in shared memory. Split products have room for two.
template <class Tile>
constexpr int kStagesOfB = Tile::Operands::kPlanes == 1 ? 3 : 2;
template <class Tile>
constexpr int kWordsOfB = Tile::Operands::kPlanes * kBlockWords * kColumnPitch<Tile::kColumns>;

// The sums of a tile. A block of shifts reads one block of A and, for each shift, one of B, in shared memory:
// blocks_of_a (2, planes, staged, kRowPitch), blocks_of_b (stages, planes, kBlockWords, kColumnPitch).
template <int kFloats, class Tile>
__device__ inline void sum_tile(const Product& p, int staged, const PlacedTile& tile, uint32_t* blocks_of_a,
                                uint32_t* blocks_of_b, Tile& sums) {
  using Operands = typename Tile::Operands;
  constexpr int kStages = kStagesOfB<Tile>;
  const int plane = staged * kRowPitch, a_words = Operands::kPlanes * plane;
  const int blocks = (p.a.words + kBlockWords - 1) / kBlockWords;
  const float* alpha = p.a.alpha ? p.a.alpha + tile.at.group * p.a.group : nullptr;
  const auto b = blocks_of<Tile>(p, tile.at);
  BlockOfA<Operands, Tile::kRows, kFloats> a;
  sums.clear();
  int copied_block = 0, copied_shift = 0, copied_stage = 0;  // what is copied next, and to where
  const auto copy_b = [&] {
    if (copied_block < blocks) {
      b.copy(copied_shift * p.a.words + copied_block * kBlockWords, (copied_shift + 1) * p.a.words,
             blocks_of_b + copied_stage * kWordsOfB<Tile>);
      copied_stage = copied_stage + 1 == kStages ? 0 : copied_stage + 1;
      if (++copied_shift == p.a.shifts) copied_shift = 0, ++copied_block;
    }
    copy_async_commit();
  };
  for (int stage = 0; stage + 1 < kStages; ++stage) copy_b();
  if (blocks > 0) {
    a.fetch(p.a, tile.item, tile.places(), staged, 0);
    a.store(p.a, alpha, staged, blocks_of_a, plane);
  }
  int stage = 0;
  for (int block = 0; block < blocks; ++block) {
    const bool more = block + 1 < blocks;
    const uint32_t* rows = blocks_of_a + block % 2 * a_words;
    for (int shift = 0; shift < p.a.shifts; ++shift) {
      copy_async_wait<kStages - 2>();
      __syncthreads();
      copy_b();
      if (more && shift == 0) a.fetch(p.a, tile.item, tile.places(), staged, block + 1);
      sums.template multiply<kRowPitch>(rows, plane, blocks_of_b + stage * kWordsOfB<Tile>);
      rows += p.a.shift_step * kRowPitch;
      stage = stage + 1 == kStages ? 0 : stage + 1;
    }
    if (more) a.store(p.a, alpha, staged, blocks_of_a + (block + 1) % 2 * a_words, plane);
  }
  copy_async_wait<0>();
}

template <bool kGelu, class Tile>
__device__ inline void finish_tile(const Product& p, const PlacedTile& tile, bool vectors, const Tile& sums) {
  const float* bias = p.c.bias ? p.c.bias + tile.at.group * p.c.span.value() : nullptr;
  sums.template finish<kGelu>(p, tile.item, bias, tile.at.m, tile.at.n, vectors);
}

template <class Tile, int kFloats>
__global__ __launch_bounds__(kThreads, Tile::kBlocks) void product_kernel(const Product p, const Tiling tiling) {
  auto& tile = *dynamic_shared<PlacedTile>();
  uint32_t* blocks_of_a = tile.end(tiling.staged);
  uint32_t* blocks_of_b = blocks_of_a + 2 * Tile::Operands::kPlanes * tiling.staged * kRowPitch;
  for (int64_t index = blockIdx.x; index < tiling.tiles; index += gridDim.x) {
    if (!place_tile<Tile>(p, p, tiling.staged, TilePlace::of<Tile>(p, tiling, index), tile)) continue;
    Tile sums;
    sum_tile<kFloats>(p, tiling.staged, tile, blocks_of_a, blocks_of_b, sums);
    finish_tile<true>(p, tile, tiling.vectors, sums);
    __syncthreads();  // before the next tile writes what this one still reads
  }
}

// ---- launchers ----

template <class Tile>
Tiling tiling_of(const Product& p, bool vectors) {
  Tiling tiling{};
  tiling.down =
      static_cast<int>(p.ragged.ends ? p.ragged.slots(Tile::kRows) : (p.rows + Tile::kRows - 1) / Tile::kRows);
  tiling.across = static_cast<int>((p.columns + Tile::kColumns - 1) / Tile::kColumns);
  tiling.tiles = p.items * p.groups * tiling.down * tiling.across;
  tiling.staged = Tile::kRows + (p.a.shifts - 1) * p.a.shift_step;
  tiling.vectors = vectors;
  return tiling;
}

inline dim3 blocks_for(const Tiling& tiling) { return dim3(static_cast<unsigned>(std::min(tiling.tiles, kMaxBlocks))); }

template <class Tile, int kFloats>
void launch_product(const KernelContext& context, const Product& p, bool vectors) {
  constexpr int kPlanes = Tile::Operands::kPlanes;
  const Tiling tiling = tiling_of<Tile>(p, vectors);
  const size_t words = 2 * kPlanes * tiling.staged * kRowPitch + kStagesOfB<Tile> * kWordsOfB<Tile>;
  const Grid grid{blocks_for(tiling), kThreads, PlacedTile::bytes(tiling.staged) + words * sizeof(uint32_t)};
  launch(context, product_kernel<Tile, kFloats>, grid, p, tiling);
}

}  // namespace lmspt::cuda

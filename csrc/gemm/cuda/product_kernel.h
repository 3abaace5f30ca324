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

// A block of shifts reads one block of A and, for each shift, one of B. Both have two places in shared memory.
template <class Tile, int kFloats>
__global__ __launch_bounds__(kThreads, Tile::kBlocks) void product_kernel(const Product p, const Tiling tiling) {
  using Operands = typename Tile::Operands;
  constexpr int kBWords = Operands::kPlanes * kBlockWords * kColumnPitch<Tile::kColumns>;
  auto* places = dynamic_shared<RowPlace>();
  auto* blocks_of_a = reinterpret_cast<uint32_t*>(places + tiling.staged);
  const int plane = tiling.staged * kRowPitch, a_words = Operands::kPlanes * plane;
  uint32_t* blocks_of_b = blocks_of_a + 2 * a_words;
  const int blocks = (p.a.words + kBlockWords - 1) / kBlockWords, steps = blocks * p.a.shifts;

  for (int64_t tile = blockIdx.x; tile < tiling.tiles; tile += gridDim.x) {
    const int64_t line = tile / tiling.across, place = line / tiling.down;
    const int n = static_cast<int>(tile % tiling.across) * Tile::kColumns;
    const int m = static_cast<int>(line % tiling.down) * Tile::kRows;
    const int64_t group = place % p.groups, item = place / p.groups;
    const float* x = p.a.x + item * p.a.item + group * p.a.group;
    const float* alpha = p.a.alpha ? p.a.alpha + group * p.a.group : nullptr;
    const int64_t first_panel = n / kPanelWidth;
    const int64_t panels_left = (p.columns + kPanelWidth - 1) / kPanelWidth - first_panel;
    const BlockOfB<Operands::kPlanes, Tile::kColumns> b(
        p.b, p.b.data + item * p.b.item + group * p.b.group + first_panel * p.b.panel, panels_left);
    place_rows(p, m, tiling.staged, places);
    __syncthreads();

    BlockOfA<Operands, Tile::kRows, kFloats> fetched;
    Tile sums;
    sums.clear();
    const auto copy_b = [&](int step) {
      const int shift = step % p.a.shifts, word = step / p.a.shifts * kBlockWords;
      b.copy(shift * p.a.words + word, (shift + 1) * p.a.words, blocks_of_b + step % 2 * kBWords);
      copy_async_commit();
    };
    if (steps > 0) {
      copy_b(0);
      fetched.fetch(p.a, x, places, tiling.staged, 0);
      fetched.store(p.a, alpha, tiling.staged, blocks_of_a, plane);
    }
    for (int step = 0; step < steps; ++step) {
      const int block = step / p.a.shifts, shift = step % p.a.shifts;
      const bool last_shift = shift == p.a.shifts - 1 && block + 1 < blocks;
      copy_async_wait<0>();
      __syncthreads();
      if (step + 1 < steps) copy_b(step + 1);
      if (last_shift) fetched.fetch(p.a, x, places, tiling.staged, block + 1);
      sums.multiply(blocks_of_a + block % 2 * a_words + shift * p.a.shift_step * kRowPitch, plane,
                    blocks_of_b + step % 2 * kBWords);
      if (last_shift) fetched.store(p.a, alpha, tiling.staged, blocks_of_a + (block + 1) % 2 * a_words, plane);
    }
    const float* bias = p.c.bias ? p.c.bias + group * p.c.span.value() : nullptr;
    sums.finish(p, item * p.c.item + group * p.c.group, bias, m, n, tiling.vectors);
    __syncthreads();  // before the next tile writes what this one still reads
  }
}

// ---- launchers ----

template <class Tile, int kFloats>
void launch_product(const KernelContext& context, const Product& p, bool vectors) {
  using Operands = typename Tile::Operands;
  Tiling tiling{};
  tiling.down = static_cast<int>((p.rows + Tile::kRows - 1) / Tile::kRows);
  tiling.across = static_cast<int>((p.columns + Tile::kColumns - 1) / Tile::kColumns);
  tiling.tiles = p.items * p.groups * tiling.down * tiling.across;
  tiling.staged = Tile::kRows + (p.a.shifts - 1) * p.a.shift_step;
  tiling.vectors = vectors;
  const size_t words = 2 * Operands::kPlanes * (tiling.staged * kRowPitch + kBlockWords * kColumnPitch<Tile::kColumns>);
  const Grid grid{dim3(static_cast<unsigned>(std::min(tiling.tiles, kMaxBlocks))), kThreads,
                  tiling.staged * sizeof(RowPlace) + words * sizeof(uint32_t)};
  launch(context, product_kernel<Tile, kFloats>, grid, p, tiling);
}

}  // namespace lmspt::cuda

// Two products in one kernel: what the first gives a tile of rows goes through Snake into shared memory, where the
// second reads it as its rows of A. Include only from the product_*_cuda.cu files.
#pragma once

#include "gemm/cuda/product_kernel.h"

namespace lmspt::cuda {

// ---- kernels ----

// Columns of the first product become words of the second: (planes, rows, kInnerPitch).
template <class Tile>
constexpr int kInnerPitch = Tile::kColumns / Tile::Operands::kFloats + 4;

// Bias and Snake over the sums of the first product; zeros beyond its columns.
template <class Tile>
__device__ inline void store_inner(const Tile& sums, const float* bias, const float* alpha, int columns,
                                   uint32_t* inner) {
  using Operands = typename Tile::Operands;
  constexpr int kWords = Tile::kTogether / Operands::kFloats;
  sums.each_group([&](int row, int column, const float (&given)[Tile::kTogether]) {
    float values[Tile::kTogether];
#pragma unroll
    for (int e = 0; e < Tile::kTogether; ++e) {
      const int n = column + e;
      values[e] = 0;
      if (n >= columns) continue;
      const float factor = alpha[n];
      values[e] = snake(bias ? given[e] + bias[n] : given[e], factor, snake_inverse(factor));
    }
#pragma unroll
    for (int plane = 0; plane < Operands::kPlanes; ++plane) {
      uint32_t* target = inner + (plane * Tile::kRows + row) * kInnerPitch<Tile> + column / Operands::kFloats;
#pragma unroll
      for (int word = 0; word < kWords; ++word) {
        target[word] = Operands::word(values + word * Operands::kFloats, plane);
      }
    }
  });
}

// Blocks that share a multiprocessor, at least: those of split products are large.
template <class Tile>
constexpr int kUnitBlocks = Tile::Operands::kPlanes == 1 ? Tile::kBlocks : 1;

// A tile of rows has all columns. The second product has one tap; its rows of A are not set.
template <class Tile>
__global__ __launch_bounds__(kThreads, kUnitBlocks<Tile>) void residual_unit_kernel(const Product first,
                                                                                    const Product second,
                                                                                    const Tiling tiling) {
  auto* places = dynamic_shared<RowPlace>();
  auto* blocks_of_b = reinterpret_cast<uint32_t*>(places + tiling.staged);
  uint32_t* blocks_of_a =
      blocks_of_b + kStagesOfB<Tile> * kWordsOfB<Tile>;  // and, once they have been read, what comes in between
  const int steps = (second.a.words + kBlockWords - 1) / kBlockWords;
  for (int64_t tile = blockIdx.x; tile < tiling.tiles; tile += gridDim.x) {
    const TilePlace at = TilePlace::of<Tile>(first, tiling, tile);
    const auto b = blocks_of<Tile>(second, at);
    place_rows(first, at.m, tiling.staged, places);
    __syncthreads();
    Tile sums;
    sum_tile<4>(first, tiling.staged, at, places, blocks_of_a, blocks_of_b, sums);
    __syncthreads();  // before the blocks are written over
    const auto copy_b = [&](int step) {
      b.copy(step * kBlockWords, second.a.words, blocks_of_b + step % 2 * kWordsOfB<Tile>);
      copy_async_commit();
    };
    copy_b(0);
    store_inner(sums, first.c.bias, second.a.alpha, static_cast<int>(first.columns), blocks_of_a);
    sums.clear();
    for (int step = 0; step < steps; ++step) {
      copy_async_wait<0>();
      __syncthreads();
      if (step + 1 < steps) copy_b(step + 1);
      sums.template multiply<kInnerPitch<Tile>>(blocks_of_a + step * kBlockWords, Tile::kRows * kInnerPitch<Tile>,
                                                blocks_of_b + step % 2 * kWordsOfB<Tile>);
    }
    finish_tile(second, at, tiling.vectors, sums);
    __syncthreads();  // before the next tile writes what this one still reads
  }
}

// ---- launchers ----

template <class Tile>
void launch_residual_unit(const KernelContext& context, const Product& first, const Product& second, bool vectors) {
  constexpr int kPlanes = Tile::Operands::kPlanes;
  const Tiling tiling = tiling_of<Tile>(first, vectors);
  const size_t inner = kPlanes * Tile::kRows * kInnerPitch<Tile>, a_words = 2 * kPlanes * tiling.staged * kRowPitch;
  const size_t words = std::max(inner, a_words) + kStagesOfB<Tile> * kWordsOfB<Tile>;
  const Grid grid{blocks_for(tiling), kThreads, tiling.staged * sizeof(RowPlace) + words * sizeof(uint32_t)};
  launch(context, residual_unit_kernel<Tile>, grid, first, second, tiling);
}

}  // namespace lmspt::cuda

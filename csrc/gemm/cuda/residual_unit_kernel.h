// Two products in one kernel: what the first gives a tile of rows goes through Snake into shared memory, where the
// second reads it as its rows of A. Where the weights of both fit into shared memory, a block copies them once and
// keeps them for all of its tiles. Include only from the residual_unit_*_cuda.cu files.
#pragma once

#include "device/setting.h"
#include "gemm/cuda/product_kernel.h"

namespace lmspt::cuda {

constexpr int kMostKeptColumns = 64;  // of tiles whose weights may fit

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

// Blocks of B, kBlockWords each.
__device__ __host__ inline int blocks_in(const Product& p) { return (p.a.words + kBlockWords - 1) / kBlockWords; }

// All blocks of B of both products, in the order in which they are multiplied.
template <class Tile>
__device__ inline void copy_weights(const Product& first, const Product& second, uint32_t* target) {
  const TilePlace start{0, 0, 0, 0};
  for (const Product* p : {&first, &second}) {
    const auto b = blocks_of<Tile>(*p, start);
    for (int block = 0; block < blocks_in(*p); ++block) {
      for (int shift = 0; shift < p->a.shifts; ++shift, target += kWordsOfB<Tile>) {
        b.copy(shift * p->a.words + block * kBlockWords, (shift + 1) * p->a.words, target);
      }
    }
  }
  copy_async_commit();
}

// As sum_tile, with all blocks of B in shared memory.
template <class Tile>
__device__ inline void sum_tile_of_kept(const Product& p, int staged, const PlacedTile& tile, uint32_t* blocks_of_a,
                                        const uint32_t* b, Tile& sums) {
  using Operands = typename Tile::Operands;
  const int plane = staged * kRowPitch, a_words = Operands::kPlanes * plane;
  BlockOfA<Operands, Tile::kRows, 4> a;
  sums.clear();
  a.fetch(p.a, tile.item, tile.places(), staged, 0);
  a.store(p.a, p.a.alpha, staged, blocks_of_a, plane);
  for (int block = 0; block < blocks_in(p); ++block) {
    const bool more = block + 1 < blocks_in(p);
    const uint32_t* rows = blocks_of_a + block % 2 * a_words;
    copy_async_wait<0>();
    __syncthreads();
    if (more) a.fetch(p.a, tile.item, tile.places(), staged, block + 1);
    for (int shift = 0; shift < p.a.shifts; ++shift, b += kWordsOfB<Tile>) {
      sums.template multiply<kRowPitch>(rows, plane, b);
      rows += p.a.shift_step * kRowPitch;
    }
    if (more) a.store(p.a, p.a.alpha, staged, blocks_of_a + (block + 1) % 2 * a_words, plane);
  }
}

// A tile of rows has all columns. The second product has one tap; its rows of A are not set.
template <class Tile, bool kKept>
__global__ __launch_bounds__(kThreads, kUnitBlocks<Tile>) void residual_unit_kernel(const Product first,
                                                                                    const Product second,
                                                                                    const Tiling tiling) {
  auto& tile = *dynamic_shared<PlacedTile>();
  uint32_t* blocks_of_b = tile.end(tiling.staged);
  const int steps = blocks_in(second), of_first = kKept ? blocks_in(first) * first.a.shifts : 0;
  // And, once they have been read, what comes in between.
  uint32_t* blocks_of_a = blocks_of_b + (kKept ? of_first + steps : kStagesOfB<Tile>)*kWordsOfB<Tile>;
  if constexpr (kKept) copy_weights<Tile>(first, second, blocks_of_b);
  for (int64_t index = blockIdx.x; index < tiling.tiles; index += gridDim.x) {
    if (!place_tile<Tile>(first, second, tiling.staged, TilePlace::of<Tile>(first, tiling, index), tile)) continue;
    Tile sums;
    if constexpr (kKept) {
      sum_tile_of_kept(first, tiling.staged, tile, blocks_of_a, blocks_of_b, sums);
    } else {
      sum_tile<4>(first, tiling.staged, tile, blocks_of_a, blocks_of_b, sums);
    }
    __syncthreads();  // before the blocks are written over
    const auto b = blocks_of<Tile>(second, tile.at);
    const auto copy_b = [&](int step) {
      if constexpr (kKept) return;
      b.copy(step * kBlockWords, second.a.words, blocks_of_b + step % 2 * kWordsOfB<Tile>);
      copy_async_commit();
    };
    copy_b(0);
    store_inner(sums, first.c.bias, second.a.alpha, static_cast<int>(first.columns), blocks_of_a);
    sums.clear();
    for (int step = 0; step < steps; ++step) {
      if (!kKept || step == 0) {
        copy_async_wait<0>();
        __syncthreads();
      }
      if (step + 1 < steps) copy_b(step + 1);
      sums.template multiply<kInnerPitch<Tile>>(blocks_of_a + step * kBlockWords, Tile::kRows * kInnerPitch<Tile>,
                                                blocks_of_b + (kKept ? of_first + step : step % 2) * kWordsOfB<Tile>);
    }
    finish_tile<false>(second, tile, tiling.vectors, sums);
    __syncthreads();  // before the next tile writes what this one still reads
  }
  if constexpr (kKept) copy_async_wait<0>();  // of a block whose tiles all have no rows
}

// ---- launchers ----

inline int64_t device_attribute(cudaDeviceAttr attribute) {
  int device = 0, value = 0;
  check(cudaGetDevice(&device), "find the current device");
  check(cudaDeviceGetAttribute(&value, attribute, device), "describe the device");
  return value;
}

// Whether two blocks with so much shared memory share a multiprocessor, which keeps 1 KiB of each for itself.
inline bool fit_twice(size_t bytes) {
  return 2 * (static_cast<int64_t>(bytes) + 1024) <= device_attribute(cudaDevAttrMaxSharedMemoryPerMultiprocessor) &&
         static_cast<int64_t>(bytes) <= device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
}

template <class Tile>
void launch_residual_unit(const KernelContext& context, const Product& first, const Product& second, bool vectors) {
  constexpr int kPlanes = Tile::Operands::kPlanes;
  const Tiling tiling = tiling_of<Tile>(first, vectors);
  const size_t inner = kPlanes * Tile::kRows * kInnerPitch<Tile>, a_words = 2 * kPlanes * tiling.staged * kRowPitch;
  const auto bytes_with = [&](int64_t blocks_of_b) {
    const size_t words = std::max(inner, a_words) + blocks_of_b * kWordsOfB<Tile>;
    return PlacedTile::bytes(tiling.staged) + words * sizeof(uint32_t);
  };
  if constexpr (Tile::kColumns <= kMostKeptColumns) {
    const size_t kept = bytes_with(int64_t{blocks_in(first)} * first.a.shifts + blocks_in(second));
    if (fit_twice(kept) && !is_switched_off("LMSPT_CUDA_KEPT_WEIGHTS")) {
      // As many blocks as run at once, so that each copies the weights once.
      const auto most = static_cast<unsigned>(2 * gpu_of(context).multiprocessors);
      const dim3 blocks(std::min(blocks_for(tiling).x, most));
      return launch(context, residual_unit_kernel<Tile, true>, {blocks, kThreads, kept}, first, second, tiling);
    }
  }
  launch(context, residual_unit_kernel<Tile, false>, {blocks_for(tiling), kThreads, bytes_with(kStagesOfB<Tile>)},
         first, second, tiling);
}

}  // namespace lmspt::cuda

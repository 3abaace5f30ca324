// A residual unit in one kernel for compute capability 9.0: y = x + W2 snake(W1 * snake(x) + b1) + b2. Include only
// from sm90_unit_cuda.cu.
//
// A tile of rows has all channels. It is copied once, with the rows beyond it that taps reach; three warps of the first
// warp group apply Snake where it lies, and every tap is a product of the rows that begin so much further down. Two
// consumers multiply; what they sum goes through Snake in registers, from which the second product reads it. Weights
// are kept where they have room beside the tiles, or else brought for every tile.
//
// Sums are in the order of the two products by themselves.
#pragma once

#include "device/cuda/copy_ring.h"
#include "device/cuda/launch.h"
#include "device/cuda/warp_groups.h"
#include "gemm/cuda/sm90_store.h"
#include "gemm/cuda/sm90_units.h"

namespace lmspt::cuda {

constexpr int kUnitThreads = 3 * kWarpGroup;
constexpr int kUnitReach = 56;                           // rows that taps may reach beyond a tile
constexpr int kUnitKeptColumns = 64, kUnitKeptTaps = 7;  // of which weights are kept
constexpr int kSnakeWarps = 3;                           // of the first warp group; the fourth copies
constexpr int kChunkBytes = 16, kChunkChannels = 8;
constexpr int kSetRows = 2 * 64;  // that both consumers multiply at a time

// The parameter of the kernel.
struct Sm90Unit {
  CUtensorMap x[2];           // channels, none, rows of all items; in boxes of a set of rows, and of what taps reach
  CUtensorMap first, second;  // weights: channels, taps, columns
  Product p;                  // the first product with the C of the second
  const float *alpha, *bias, *inner_alpha;  // Snake of x, the first bias or null, and Snake in between
  int taps = 1, dilation = 1, reach = 8;    // reach: of whole swizzle blocks
  int tiles = 0;
  Divisor tiles_of_item;
  bool vectors = false;
};

// Of several sets where weights are kept.
template <int kTileColumns, int kTileSets>
struct Sm90UnitTile {
  static constexpr int kColumns = kTileColumns, kSets = kTileSets, kRows = kSets * kSetRows;
  static constexpr bool kKept = kColumns <= kUnitKeptColumns;
  static_assert(kKept || kSets == 1);
  static constexpr int kSums = kColumns / 2, kSteps = kColumns / 16, kBlocks = (kColumns + 63) / 64;
  static constexpr int kBlockBytes = (kRows + kUnitReach) * kSwizzleBytes, kStageBytes = kBlocks * kBlockBytes;
  static constexpr int kWeightStages = kKept ? kBlocks * (kUnitKeptTaps + 1) : 4;
  static constexpr int kTableBytes = 3 * kColumns * static_cast<int>(sizeof(float)), kBarrierBytes = 512;
  using WeightRing = CopyRing<kWeightStages, kColumns * kSwizzleBytes, kConsumerWarps>;
  static constexpr int kRoom = kMostSharedBytes - kWeightStages * WeightRing::kStageBytes -
                               kConsumerWarps * kStoredBytes - kTableBytes - kBarrierBytes;
  static constexpr int kStages = kRoom / kStageBytes < 4 ? kRoom / kStageBytes : 4;
  static_assert(kStages >= 2);
  using RowRing = CopyRing<kStages, kStageBytes, kConsumerWarps>;
  // And for each stage the barrier at which those who apply Snake arrive.
  using Rings = TwoRings<RowRing, WeightRing, kStages, kSnakeWarps>;
  static_assert(Rings::kBytes - Rings::kStageBytes <= kBarrierBytes);
  static constexpr int kStoredAt = Rings::kStageBytes + kBarrierBytes;
  static constexpr int kTableAt = kStoredAt + kConsumerWarps * kStoredBytes;
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

// The first tile of the block from `tile` on that has rows, or one beyond all.
template <class Tile>
__device__ inline int next_tile(const Sm90Unit& q, int tile) {
  while (tile < q.tiles && !Sm90UnitPlace::of<Tile>(q, tile).has_rows(q)) tile += static_cast<int>(gridDim.x);
  return tile;
}

// ---- the first warp group ----

// One thread. Rows are asked for before the weights of the tile before them, which wait for products.
template <class Tile>
class Sm90UnitProducer {
 public:
  __device__ Sm90UnitProducer(const Sm90Unit& q, const typename Tile::Rings& rings) : q_(q), rings_(rings) {}

  __device__ void run() {
    int tile = next_tile<Tile>(q_, static_cast<int>(blockIdx.x));
    if (tile >= q_.tiles) return;
    put_rows(tile);
    if (Tile::kKept) put_weights();
    while (tile < q_.tiles) {
      const int next = next_tile<Tile>(q_, tile + static_cast<int>(gridDim.x));
      if (next < q_.tiles) put_rows(next);
      if (!Tile::kKept) put_weights();
      tile = next;
    }
  }

 private:
  __device__ void put_rows(int tile) {
    const Sm90UnitPlace place = Sm90UnitPlace::of<Tile>(q_, tile);
    const int row = place.first_row + place.m + q_.p.a.w.origin;
    rings_.first.begin(rows_, Tile::kBlocks * (Tile::kRows + q_.reach) * kSwizzleBytes);
    for (int block = 0; block < Tile::kBlocks; ++block) {
      for (int set = 0; set <= Tile::kSets; ++set) {
        rings_.first.copy(rows_, block * Tile::kBlockBytes + set * kSetRows * kSwizzleBytes, &q_.x[set == Tile::kSets],
                          {{block * 64, 0, row + set * kSetRows, 0, 0}});
      }
    }
    rows_ = rows_.after(1);
  }

  __device__ void put_weights() {
    for (int block = 0; block < Tile::kBlocks; ++block) {
      for (int tap = 0; tap < q_.taps; ++tap) rings_.second.put(weights_, &q_.first, {{block * 64, tap, 0, 0, 0}});
    }
    for (int block = 0; block < Tile::kBlocks; ++block) {
      rings_.second.put(weights_, &q_.second, {{block * 64, 0, 0, 0, 0}});
    }
  }

  const Sm90Unit& q_;
  const typename Tile::Rings& rings_;
  typename Tile::RowRing::Place rows_;
  typename Tile::WeightRing::Place weights_;
};

// The threads that apply Snake to the rows of tiles, each to eight channels. Rows of other items become zeros.
template <class Tile>
class Sm90UnitSnake {
  static constexpr int kThreads = kSnakeWarps * 32, kChunks = Tile::kColumns / kChunkChannels;
  static_assert(kThreads % kChunks == 0);

 public:
  __device__ Sm90UnitSnake(const Sm90Unit& q, const typename Tile::Rings& rings)
      : q_(q), rings_(rings), chunk_(thread() % kChunks) {
#pragma unroll
    for (int i = 0; i < kChunkChannels; ++i) {
      const int channel = chunk_ * kChunkChannels + i;
      alpha_[i] = channel < q.p.a.channels ? q.alpha[channel] : 0.f;
      inverse_[i] = snake_inverse(alpha_[i]);
    }
  }

  __device__ void run() {
    typename Tile::RowRing::Place at;
    int tile = next_tile<Tile>(q_, static_cast<int>(blockIdx.x));
    while (tile < q_.tiles) {
      const Sm90UnitPlace place = Sm90UnitPlace::of<Tile>(q_, tile);
      rings_.first.wait(at);
      apply(rings_.first.at(at), place.m + q_.p.a.w.origin, place.item.in);
      show_operands();
      __syncwarp();
      if (threadIdx.x % 32 == 0) barrier_arrive(rings_.more + at.stage());
      at = at.after(1);
      tile = next_tile<Tile>(q_, tile + static_cast<int>(gridDim.x));
    }
  }

 private:
  static __device__ int thread() { return static_cast<int>(threadIdx.x) - (kWarpGroup - kThreads); }

  // Neighbouring threads take rows four apart, whose chunks lie in different banks where a row has but four.
  static __device__ int row_of(int i) { return (i & ~7) | (i & 1) << 2 | (i >> 1 & 3); }

  __device__ void apply(unsigned char* stage, int first, int rows) const {
    unsigned char* block = stage + chunk_ / 8 * Tile::kBlockBytes;
    for (int i = thread() / kChunks; i < Tile::kRows + q_.reach; i += kThreads / kChunks) {
      const int row = row_of(i);
      unsigned char* place = block + row * kSwizzleBytes + ((chunk_ ^ row) % 8) * kChunkBytes;
      const bool inside = static_cast<unsigned>(first + row) < static_cast<unsigned>(rows);
      uint4 words = load_operands(place);
      words.x = inside ? snake_of(words.x, 0) : 0;
      words.y = inside ? snake_of(words.y, 2) : 0;
      words.z = inside ? snake_of(words.z, 4) : 0;
      words.w = inside ? snake_of(words.w, 6) : 0;
      store_operands(place, words);
    }
  }

  __device__ uint32_t snake_of(uint32_t pair, int i) const {
    return pack_bf16(snake_near(low_of_bf16(pair), alpha_[i], inverse_[i]),
                     snake_near(high_of_bf16(pair), alpha_[i + 1], inverse_[i + 1]));
  }

  const Sm90Unit& q_;
  const typename Tile::Rings& rings_;
  const int chunk_;
  float alpha_[kChunkChannels], inverse_[kChunkChannels];
};

// ---- consumers ----

// What goes on between the products, for each column: bias, alpha, its inverse.
template <class Tile>
__device__ inline float* inner_table() {
  return reinterpret_cast<float*>(swizzled_shared() + Tile::kTableAt);
}

template <class Tile>
__device__ inline void fill_inner_table(const Sm90Unit& q) {
  float* table = inner_table<Tile>();
  for (int n = static_cast<int>(threadIdx.x); n < Tile::kColumns; n += kUnitThreads) {
    const bool exists = n < q.p.columns;
    const float alpha = exists ? q.inner_alpha[n] : 0.f;
    table[n] = exists && q.bias ? q.bias[n] : 0.f;
    table[Tile::kColumns + n] = alpha;
    table[2 * Tile::kColumns + n] = snake_inverse(alpha);
  }
}

template <class Tile>
class Sm90UnitConsumer {
  static constexpr int kStep = 32 >> 4;  // of a descriptor, to the next 16 channels
  static constexpr int kRow = kSwizzleBytes >> 4, kSet = 64 * kRow;

 public:
  __device__ Sm90UnitConsumer(const Sm90Unit& q, const typename Tile::Rings& rings)
      : q_(q), rings_(rings), first_row_((warp_group() - 1) * Tile::kSets * 64) {}

  __device__ void run() {
    for (int tile = static_cast<int>(blockIdx.x); tile < q_.tiles; tile += static_cast<int>(gridDim.x)) {
      const Sm90UnitPlace place = Sm90UnitPlace::of<Tile>(q_, tile);
      if (place.is_behind(q_) && place.exists) {
        clear_behind<true>(q_.p.ragged, q_.p.c, place.ragged, Tile::kRows, threadIdx.x - kWarpGroup, 2 * kWarpGroup);
      }
      if (!place.has_rows(q_)) continue;
      uint32_t inner[Tile::kSets][Tile::kSteps][4];
      convolve(inner);
#pragma unroll
      for (int set = 0; set < Tile::kSets; ++set) {
        float sums[Tile::kSums];
        multiply(inner[set], sums);
        store(tile, set, sums);
      }
    }
  }

 private:
  // The first product of the tile's rows, and Snake.
  __device__ void convolve(uint32_t (&inner)[Tile::kSets][Tile::kSteps][4]) {
    float sums[Tile::kSets][Tile::kSums];
    rings_.first.wait(rows_);
    barrier_wait(rings_.more + rows_.stage(), rows_.parity());
    if (Tile::kKept) weights_ = {};
#pragma unroll
    for (int block = 0; block < Tile::kBlocks; ++block) {
      const uint64_t first =
          operand_along_k(rings_.first.at(rows_) + block * Tile::kBlockBytes + first_row_ * kSwizzleBytes);
#pragma unroll 1
      for (int tap = 0; tap < q_.taps; ++tap, weights_ = weights_.after(1)) {
        rings_.second.wait(weights_);
        const uint64_t rows = operand_after(first, tap * q_.dilation * kRow);
        const uint64_t columns = operand_along_k(rings_.second.at(weights_));
        wgmma_fence();
#pragma unroll
        for (int set = 0; set < Tile::kSets; ++set) {
#pragma unroll
          for (int k = 0; k < 4 && 4 * block + k < Tile::kSteps; ++k) {
            wgmma<Tile::kColumns, WgmmaKind::bf16>(sums[set], operand_after(rows, set * kSet + k * kStep),
                                                   operand_after(columns, k * kStep), block > 0 || tap > 0 || k > 0);
          }
        }
        wgmma_commit();
        if (block > 0 || tap > 0) {
          wgmma_wait<1>();
          release_weights(weights_.before(1));
        }
      }
    }
    wgmma_wait<0>();
#pragma unroll
    for (int set = 0; set < Tile::kSets; ++set) wgmma_settle(sums[set]);
    release_weights(weights_.before(1));
    rings_.first.release(rows_);
    rows_ = rows_.after(1);
#pragma unroll
    for (int set = 0; set < Tile::kSets; ++set) finish_inner(sums[set], inner[set]);
  }

  __device__ void finish_inner(const float (&sums)[Tile::kSums], uint32_t (&inner)[Tile::kSteps][4]) const {
    const float* table = inner_table<Tile>() + threadIdx.x % 4 * 2;
#pragma unroll
    for (int j = 0; j < Tile::kColumns / 8; ++j) {
      const float2 bias = *reinterpret_cast<const float2*>(table + 8 * j);
      const float2 alpha = *reinterpret_cast<const float2*>(table + Tile::kColumns + 8 * j);
      const float2 inverse = *reinterpret_cast<const float2*>(table + 2 * Tile::kColumns + 8 * j);
#pragma unroll
      for (int row = 0; row < 2; ++row) {
        const float* pair = sums + 4 * j + 2 * row;
        inner[j / 2][j % 2 * 2 + row] = pack_bf16(snake_near(pair[0] + bias.x, alpha.x, inverse.x),
                                                  snake_near(pair[1] + bias.y, alpha.y, inverse.y));
      }
    }
  }

  // The second product of a set of rows. Its weights are there for all sets where they are kept.
  __device__ void multiply(uint32_t (&inner)[Tile::kSteps][4], float (&sums)[Tile::kSums]) {
    typename Tile::WeightRing::Place at = weights_;
#pragma unroll
    for (int block = 0; block < Tile::kBlocks; ++block, at = at.after(1)) {
      rings_.second.wait(at);
      const uint64_t columns = operand_along_k(rings_.second.at(at));
      wgmma_fence();
#pragma unroll
      for (int k = 4 * block; k < 4 * block + 4 && k < Tile::kSteps; ++k) {
        wgmma_of_registers<Tile::kColumns, false>(sums, inner[k], operand_after(columns, k % 4 * kStep), k > 0);
      }
      wgmma_commit();
      if (block > 0) {
        wgmma_wait<1>();
        release_weights(at.before(1));
      }
    }
    wgmma_wait<0>();
    wgmma_settle(sums);
    wgmma_settle(inner);
    release_weights(at.before(1));
    if (!Tile::kKept) weights_ = at;
  }

  __device__ void store(int tile, int set, const float (&sums)[Tile::kSums]) const {
    const int warp = thread_now() / 32, first = first_row_ + set * 64 + warp % 4 * kStoredRows;
    const Sm90UnitPlace place = Sm90UnitPlace::of<Tile>(q_, tile);
    const auto position = [&](int i) {
      const int m = place.m + first + stored_row(i);
      return m < place.item.rows ? m : -1;
    };
    const Sm90Rows<true, false> rows(q_.p, place.item, position);
    auto* staged =
        reinterpret_cast<float*>(swizzled_shared() + Tile::kStoredAt + (warp - kWarpGroup / 32) * kStoredBytes);
    store_sums<Tile::kColumns>(q_.p, q_.vectors, rows, q_.p.c.bias, 0, sums, staged);
  }

  __device__ void release_weights(const typename Tile::WeightRing::Place& place) const {
    if (!Tile::kKept) rings_.second.release(place);
  }

  const Sm90Unit& q_;
  const typename Tile::Rings& rings_;
  const int first_row_;  // of the consumer, in the tile
  typename Tile::RowRing::Place rows_;
  typename Tile::WeightRing::Place weights_;
};

// ---- kernel ----

template <class Tile>
__global__ __launch_bounds__(kUnitThreads, 1) void sm90_unit_kernel(const __grid_constant__ Sm90Unit q) {
  if constexpr (kHasWgmma) {
    const typename Tile::Rings rings(swizzled_shared());
    if (threadIdx.x == 0) rings.make();
    fill_inner_table<Tile>(q);
    __syncthreads();
    const auto help = [&] {
      if (threadIdx.x >= kWarpGroup - kSnakeWarps * 32) {
        Sm90UnitSnake<Tile>(q, rings).run();
      } else if (threadIdx.x == 0) {
        Sm90UnitProducer<Tile>(q, rings).run();
      }
    };
    share_registers<kUnitThreads / kWarpGroup, 56>(help, [&] { Sm90UnitConsumer<Tile>(q, rings).run(); });
  }
}

}  // namespace lmspt::cuda

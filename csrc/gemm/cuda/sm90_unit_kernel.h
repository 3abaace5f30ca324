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
#include "device/cuda/math.h"
#include "device/cuda/warp_groups.h"
#include "gemm/cuda/sm90_units.h"
#include "gemm/cuda/tile_item.h"

namespace lmspt::cuda {

constexpr int kUnitThreads = 3 * kWarpGroup;
constexpr int kUnitReach = 56;                           // rows that taps may reach beyond a tile
constexpr int kUnitKeptColumns = 64, kUnitKeptTaps = 7;  // of which weights are kept
constexpr int kSnakeWarps = 3;                           // of the first warp group; the fourth copies
constexpr int kChunkBytes = 16, kChunkChannels = 8;
constexpr int kSetRows = 2 * 64;  // that both consumers multiply at a time
constexpr int kUnitFactors = 6;   // UnitFactor

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

// ---- the first warp group ----

// One thread. Rows are asked for before the weights of the tile before them, which wait for products.
template <class Tile>
class Sm90UnitProducer {
 public:
  __device__ Sm90UnitProducer(const Sm90Unit& q, const typename Tile::Rings& rings) : q_(q), rings_(rings) {}

  __device__ void run() {
    Sm90UnitTiles<Tile> tiles(q_);
    Sm90UnitPlace place;
    if (!tiles.next(place)) return;
    put_rows(place);
    if (Tile::kKept) put_weights();
    for (bool more = true; more;) {
      more = tiles.next(place);
      if (more) put_rows(place);
      if (!Tile::kKept) put_weights();
    }
  }

 private:
  __device__ void put_rows(const Sm90UnitPlace& place) {
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

  // The rows of the first consumer come first, so that consumers do not do the same at the same time.
  __device__ void run() {
    const int of_first = Tile::kRows / 2 + q_.reach;
    Sm90UnitTiles<Tile> tiles(q_);
    Sm90UnitPlace place;
    for (typename Tile::RowRing::Place at; tiles.next(place); at = at.after(1)) {
      rings_.first.wait(at);
      apply(rings_.first.at(at), place, 0, of_first);
      tell(2 * at.stage());
      apply(rings_.first.at(at), place, of_first, Tile::kRows + q_.reach);
      tell(2 * at.stage() + 1);
    }
  }

 private:
  static __device__ int thread() { return static_cast<int>(threadIdx.x) - (kWarpGroup - kThreads); }

  __device__ void tell(int barrier) const {
    show_operands();
    __syncwarp();
    if (threadIdx.x % 32 == 0) barrier_arrive(rings_.more + barrier);
  }

  // Neighbouring threads take rows four apart, whose chunks lie in different banks where a row has but four.
  static __device__ int row_of(int i) { return (i & ~7) | (i & 1) << 2 | (i >> 1 & 3); }

  // Rows [begin, end) of the tile, of whole swizzle blocks. Two at a time, so that one is on its way.
  __device__ void apply(unsigned char* stage, const Sm90UnitPlace& place, int begin, int end) const {
    constexpr int kStep = kThreads / kChunks;
    const int first = place.m + q_.p.a.w.origin;
    unsigned char* block = stage + chunk_ / 8 * Tile::kBlockBytes;
    for (int i = begin + thread() / kChunks; i < end; i += 2 * kStep) {
      unsigned char* places[2];
      uint4 words[2];
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = row_of(i + half * kStep);
        places[half] = block + row * kSwizzleBytes + ((chunk_ ^ row) & 7) * kChunkBytes;
        if (i + half * kStep < end) words[half] = load_operands(places[half]);
      }
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const bool inside =
            static_cast<unsigned>(first + row_of(i + half * kStep)) < static_cast<unsigned>(place.item.in);
        words[half].x = inside ? snake_of(words[half].x, 0) : 0;
        words[half].y = inside ? snake_of(words[half].y, 2) : 0;
        words[half].z = inside ? snake_of(words[half].z, 4) : 0;
        words[half].w = inside ? snake_of(words[half].w, 6) : 0;
        if (i + half * kStep < end) store_operands(places[half], words[half]);
      }
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

// What consumers need of each column: a table of so many rows.
enum UnitFactor { kInnerBias, kInnerAlpha, kInnerInverse, kBias, kNextAlpha, kNextInverse };

template <class Tile>
__device__ inline float* table_of(UnitFactor factor) {
  return reinterpret_cast<float*>(swizzled_shared() + Tile::kTableAt) + factor * Tile::kColumns;
}

template <class Tile>
__device__ inline void fill_table(const Sm90Unit& q) {
  const auto fill = [&](UnitFactor factor, const float* values, UnitFactor inverse) {
    for (int n = static_cast<int>(threadIdx.x); n < Tile::kColumns; n += kUnitThreads) {
      const float value = values && n < q.p.columns ? values[n] : 0.f;
      table_of<Tile>(factor)[n] = value;
      if (inverse != factor) table_of<Tile>(inverse)[n] = snake_inverse(value);
    }
  };
  fill(kInnerBias, q.bias, kInnerBias);
  fill(kInnerAlpha, q.inner_alpha, kInnerInverse);
  fill(kBias, q.p.c.bias, kBias);
  fill(kNextAlpha, q.p.c.alpha, kNextInverse);
}

template <class Tile>
class Sm90UnitConsumer {
  static constexpr int kStep = 32 >> 4;  // of a descriptor, to the next 16 channels
  static constexpr int kRow = kSwizzleBytes >> 4, kSet = 64 * kRow;

 public:
  __device__ Sm90UnitConsumer(const Sm90Unit& q, const typename Tile::Rings& rings)
      : q_(q), rings_(rings), consumer_(warp_group() - 1), first_row_(consumer_ * Tile::kSets * 64) {}

  __device__ void run() {
    for (int tile = static_cast<int>(blockIdx.x); tile < q_.tiles; tile += static_cast<int>(gridDim.x)) {
      const Sm90UnitPlace place = Sm90UnitPlace::of<Tile>(q_, tile);
      if (place.is_behind(q_) && place.exists) {
        clear_behind<true>(q_.p.ragged, q_.p.c, place.ragged, Tile::kRows, threadIdx.x - kWarpGroup, 2 * kWarpGroup);
      }
      if (!place.has_rows(q_)) continue;
      float sums[Tile::kSets][Tile::kSums];
      convolve(sums);
#pragma unroll
      for (int set = 0; set < Tile::kSets; ++set) finish(place, set, sums[set]);
      has_weights_ = Tile::kKept;
    }
  }

 private:
  // The first product of the tile's rows.
  __device__ void convolve(float (&sums)[Tile::kSets][Tile::kSums]) {
    rings_.first.wait(rows_);
    barrier_wait(rings_.more + 2 * rows_.stage() + consumer_, rows_.parity());
    if (Tile::kKept) weights_ = {};
#pragma unroll
    for (int block = 0; block < Tile::kBlocks; ++block) {
      const uint64_t first =
          operand_along_k(rings_.first.at(rows_) + block * Tile::kBlockBytes + first_row_ * kSwizzleBytes);
#pragma unroll 1
      for (int tap = 0; tap < q_.taps; ++tap, weights_ = weights_.after(1)) {
        wait_for_weights(weights_);
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
        if (!Tile::kKept && (block > 0 || tap > 0)) {
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
  }

  // What the second product reads of it.
  __device__ void finish_inner(const float (&sums)[Tile::kSums], uint32_t (&inner)[Tile::kSteps][4]) const {
    const auto pair_of = [](UnitFactor factor, int j) {
      return *reinterpret_cast<const float2*>(table_of<Tile>(factor) + 8 * j + threadIdx.x % 4 * 2);
    };
#pragma unroll
    for (int j = 0; j < Tile::kColumns / 8; ++j) {
      const float2 bias = pair_of(kInnerBias, j), alpha = pair_of(kInnerAlpha, j), inverse = pair_of(kInnerInverse, j);
#pragma unroll
      for (int row = 0; row < 2; ++row) {
        const float* pair = sums + 4 * j + 2 * row;
        inner[j / 2][j % 2 * 2 + row] = pack_bf16(snake_near(pair[0] + bias.x, alpha.x, inverse.x),
                                                  snake_near(pair[1] + bias.y, alpha.y, inverse.y));
      }
    }
  }

  // The second product of a set of rows, and what follows. Numbers of x are on their way while it runs, where there are
  // registers for them.
  __device__ void finish(const Sm90UnitPlace& place, int set, const float (&inner_sums)[Tile::kSums]) {
    uint32_t inner[Tile::kSteps][4];
    finish_inner(inner_sums, inner);
    float sums[Tile::kSums];
    begin_second(inner, sums);
    const Rows rows(q_, place, first_row_ + set * 64);
    uint2 x[Tile::kFours][2];
    if (Tile::kLoadsEarly) rows.load(q_, x);
    wgmma_wait<0>();
    wgmma_settle(sums);
    wgmma_settle(inner);
    if (set + 1 == Tile::kSets) {  // of whose weights all sets read
#pragma unroll
      for (int block = 0; block < Tile::kBlocks; ++block) release_weights(weights_.after(block));
      weights_ = weights_.after(Tile::kBlocks);
    }
    if (!Tile::kLoadsEarly) rows.load(q_, x);
#pragma unroll
    for (int four = 0; four < Tile::kFours; ++four) store(rows, four, sums + 8 * four, x[four]);
  }

  __device__ void begin_second(uint32_t (&inner)[Tile::kSteps][4], float (&sums)[Tile::kSums]) const {
    wgmma_settle(inner);  // before the fence
#pragma unroll
    for (int block = 0; block < Tile::kBlocks; ++block) wait_for_weights(weights_.after(block));
    wgmma_fence();
#pragma unroll
    for (int k = 0; k < Tile::kSteps; ++k) {
      const uint64_t columns = operand_along_k(rings_.second.at(weights_.after(k / 4)));
      wgmma_of_registers<Tile::kColumns, false>(sums, inner[k], operand_after(columns, k % 4 * kStep), k > 0);
    }
    wgmma_commit();
  }

  // Elements of x and of y that the thread has of a set: of two rows the columns 16 i to 16 i + 3, from its own first
  // on.
  class Rows {
   public:
    __device__ Rows(const Sm90Unit& q, const Sm90UnitPlace& place, int first) {
      const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32 % 4;
#pragma unroll
      for (int row = 0; row < 2; ++row) {
        const int m = place.m + first + warp * 16 + lane / 4 + 8 * row;
        const int64_t in_item = m * q.p.c.w;
        inside_[row] = m < place.item.rows && in_item < place.item.limit;
        at_[row] = place.item.c + in_item + lane % 4 * 4;
      }
    }

    __device__ void load(const Sm90Unit& q, uint2 (&x)[Tile::kFours][2]) const {
      const auto* numbers = static_cast<const uint16_t*>(q.p.c.residual.data);
#pragma unroll
      for (int four = 0; four < Tile::kFours; ++four) {
#pragma unroll
        for (int row = 0; row < 2; ++row) {
          x[four][row] = make_uint2(0, 0);
          if (inside(q, row, four)) x[four][row] = *reinterpret_cast<const uint2*>(numbers + at(row, four));
        }
      }
    }
    __device__ bool inside(const Sm90Unit& q, int row, int four) const {
      return inside_[row] && 16 * four < q.p.columns;
    }
    __device__ int64_t at(int row, int four) const { return at_[row] + 16 * four; }

   private:
    bool inside_[2];
    int64_t at_[2];
  };

  // Of sums, those of 16 columns: the order of columns gives a thread four neighbours of each row.
  __device__ void store(const Rows& rows, int four, const float* sums, const uint2 (&x)[2]) const {
    const auto factors_of = [&](UnitFactor factor) {
      return *reinterpret_cast<const float4*>(table_of<Tile>(factor) + 16 * four + threadIdx.x % 4 * 4);
    };
    const ElementsOfC& c = q_.p.c;
    const float4 bias = factors_of(kBias);
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      const float* of_row = sums + 2 * row;
      float values[4] = {of_row[0] + bias.x + low_of_bf16(x[row].x), of_row[1] + bias.y + high_of_bf16(x[row].x),
                         of_row[4] + bias.z + low_of_bf16(x[row].y), of_row[5] + bias.w + high_of_bf16(x[row].y)};
      const bool inside = rows.inside(q_, row, four);
      const int64_t at = rows.at(row, four);
      if (!c.alpha || c.activated) {
        if (c.c.halves) {
          if (inside) c.c.store_as<4, true>(at, values);
        } else {
          if (inside) c.c.store_as<4, false>(at, values);
        }
      }
      if (!c.alpha) continue;
      apply_next(factors_of(kNextAlpha), factors_of(kNextInverse), values);
      if (inside) (c.activated ? c.activated : c.c).store_as<4, true>(at, values);
    }
  }

  // Snake of the layer that follows.
  static __device__ void apply_next(const float4& alpha, const float4& inverse, float (&values)[4]) {
    values[0] = snake_near(values[0], alpha.x, inverse.x);
    values[1] = snake_near(values[1], alpha.y, inverse.y);
    values[2] = snake_near(values[2], alpha.z, inverse.z);
    values[3] = snake_near(values[3], alpha.w, inverse.w);
  }

  __device__ void wait_for_weights(const typename Tile::WeightRing::Place& place) const {
    if (!has_weights_) rings_.second.wait(place);
  }
  __device__ void release_weights(const typename Tile::WeightRing::Place& place) const {
    if (!Tile::kKept) rings_.second.release(place);
  }

  const Sm90Unit& q_;
  const typename Tile::Rings& rings_;
  const int consumer_, first_row_;  // its first row in the tile
  bool has_weights_ = false;        // those that are kept
  typename Tile::RowRing::Place rows_;
  typename Tile::WeightRing::Place weights_;
};

// ---- kernel ----

template <class Tile>
__global__ __launch_bounds__(kUnitThreads, 1) void sm90_unit_kernel(const __grid_constant__ Sm90Unit q) {
  if constexpr (kHasWgmma) {
    const typename Tile::Rings rings(swizzled_shared());
    if (threadIdx.x == 0) rings.make();
    fill_table<Tile>(q);
    __syncthreads();
    const auto help = [&] {
      if (threadIdx.x >= kWarpGroup - kSnakeWarps * 32) {
        Sm90UnitSnake<Tile>(q, rings).run();
      } else if (threadIdx.x == 0) {
        Sm90UnitProducer<Tile>(q, rings).run();
      }
    };
    share_registers<kUnitThreads / kWarpGroup, 64>(help, [&] { Sm90UnitConsumer<Tile>(q, rings).run(); });
  }
}

}  // namespace lmspt::cuda

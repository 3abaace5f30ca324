// A residual unit in one kernel for compute capability 9.0: y = x + W2 snake(W1 * snake(x) + b1) + b2. Include only
// from sm90_residual_unit_cuda.cu.
//
// A tile of rows has all channels. It is copied once, with the rows beyond it that taps reach; three warps of the first
// warp group apply Snake where it lies, and every tap is a product of the rows that begin so much further down. Two
// consumers multiply; what they sum goes through Snake in registers, from which the second product reads it. Weights
// are kept where they have room beside the tiles, or else brought for every tile.
//
// Sums are in the order of the two products by themselves.
#pragma once

#include "device/cuda/launch.h"
#include "gemm/cuda/sm90_residual_unit_consumer.h"

namespace lmspt::cuda {

// ---- the first warp group ----

// One thread. Rows are asked for before the weights of the tile before them, which wait for products.
template <class Tile>
class Sm90UnitProducer {
 public:
  __device__ Sm90UnitProducer(const Sm90Unit& q, const typename Tile::Rings& rings) : q_(q), rings_(rings) {}

  __device__ void run() {
    Sm90UnitTiles<Tile> tiles(q_);
    TileOfItem place;
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
  __device__ void put_rows(const TileOfItem& place) {
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
      for (int tap = 0; tap < q_.taps; ++tap) {
        for (int part = 0; part < Tile::kParts; ++part) {
          rings_.second.put(weights_, &q_.first, {{block * 64, tap, part * Tile::kPartColumns, 0, 0}});
        }
      }
    }
    for (int part = 0; part < Tile::kParts; ++part) {
      for (int block = 0; block < Tile::kBlocks; ++block) {
        rings_.second.put(weights_, &q_.second, {{block * 64, 0, 0, 0, part * Tile::kPartColumns / 16}});
      }
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
    TileOfItem place;
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
  __device__ void apply(unsigned char* stage, const TileOfItem& place, int begin, int end) const {
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

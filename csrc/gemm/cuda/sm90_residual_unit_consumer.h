// The warp groups that multiply, in the kernel for residual units of compute capability 9.0. Include only from
// sm90_residual_unit_kernel.h.
#pragma once

#include "device/cuda/math.h"
#include "device/cuda/warp_groups.h"
#include "gemm/cuda/sm90_residual_unit_tile.h"

namespace lmspt::cuda {

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

  using Sums = float[Tile::kParts][Tile::kSums];

 public:
  __device__ Sm90UnitConsumer(const Sm90Unit& q, const typename Tile::Rings& rings)
      : q_(q), rings_(rings), consumer_(warp_group() - 1), first_row_(consumer_ * Tile::kSets * 64) {}

  __device__ void run() {
    for (int tile = static_cast<int>(blockIdx.x); tile < q_.tiles; tile += static_cast<int>(gridDim.x)) {
      const TileOfItem place = TileOfItem::of<Tile::kRows>(q_.p, tile, q_.tiles_of_item);
      if (place.is_behind) {
        clear_behind<true>(q_.p.ragged, q_.p.c, place.ragged, Tile::kRows, threadIdx.x - kWarpGroup, 2 * kWarpGroup);
      }
      if (!place.has_rows) continue;
      Sums sums[Tile::kSets];
      if constexpr (Tile::kClears) clear(sums);
      convolve(sums);
#pragma unroll
      for (int set = 0; set < Tile::kSets; ++set) finish(place, set, sums[set]);
      has_weights_ = Tile::kKept;
    }
  }

 private:
  // So that registers of sums are free for others once they were read: of a first product that adds in all passes of a
  // loop but one, compilers keep them for the next tile.
  __device__ void clear(Sums (&sums)[Tile::kSets]) const {
#pragma unroll
    for (int i = 0; i < Tile::kSets * Tile::kParts * Tile::kSums; ++i) {
      sums[i / (Tile::kParts * Tile::kSums)][i / Tile::kSums % Tile::kParts][i % Tile::kSums] = 0;
    }
  }

  // The first product of the tile's rows.
  __device__ void convolve(Sums (&sums)[Tile::kSets]) {
    rings_.first.wait(rows_);
    barrier_wait(rings_.more + 2 * rows_.stage() + consumer_, rows_.parity());
    if (Tile::kKept) weights_ = {};
#pragma unroll
    for (int block = 0; block < Tile::kBlocks; ++block) {
      const uint64_t first =
          operand_along_k(rings_.first.at(rows_) + block * Tile::kBlockBytes + first_row_ * kSwizzleBytes);
#pragma unroll 1
      for (int tap = 0; tap < q_.taps; ++tap) {
        const uint64_t rows = operand_after(first, tap * q_.dilation * kRow);
#pragma unroll
        for (int part = 0; part < Tile::kParts; ++part, weights_ = weights_.after(1)) {
          wait_for_weights(weights_);
          const uint64_t columns = operand_along_k(rings_.second.at(weights_));
          wgmma_fence();
#pragma unroll
          for (int set = 0; set < Tile::kSets; ++set) {
#pragma unroll
            for (int k = 0; k < 4 && 4 * block + k < Tile::kSteps; ++k) {
              wgmma<Tile::kPartColumns, WgmmaKind::bf16>(sums[set][part], operand_after(rows, set * kSet + k * kStep),
                                                         operand_after(columns, k * kStep),
                                                         Tile::kClears || block > 0 || tap > 0 || k > 0);
            }
          }
          wgmma_commit();
          if (!Tile::kKept && (block > 0 || tap > 0 || part > 0)) {
            wgmma_wait<1>();
            release_weights(weights_.before(1));
          }
        }
      }
    }
    wgmma_wait<0>();
#pragma unroll
    for (int set = 0; set < Tile::kSets; ++set) {
#pragma unroll
      for (int part = 0; part < Tile::kParts; ++part) wgmma_settle(sums[set][part]);
    }
    release_weights(weights_.before(1));
    rings_.first.release(rows_);
    rows_ = rows_.after(1);
  }

  // What the second product reads of it.
  __device__ void finish_inner(const Sums& sums, uint32_t (&inner)[Tile::kSteps][4]) const {
    const auto pair_of = [](UnitFactor factor, int j) {
      return *reinterpret_cast<const float2*>(table_of<Tile>(factor) + 8 * j + threadIdx.x % 4 * 2);
    };
#pragma unroll
    for (int j = 0; j < Tile::kColumns / 8; ++j) {
      const float2 bias = pair_of(kInnerBias, j), alpha = pair_of(kInnerAlpha, j), inverse = pair_of(kInnerInverse, j);
#pragma unroll
      for (int row = 0; row < 2; ++row) {
        const float* pair = sums[j / (Tile::kPartColumns / 8)] + 4 * (j % (Tile::kPartColumns / 8)) + 2 * row;
        inner[j / 2][j % 2 * 2 + row] = pack_bf16(snake_near(pair[0] + bias.x, alpha.x, inverse.x),
                                                  snake_near(pair[1] + bias.y, alpha.y, inverse.y));
      }
    }
  }

  // The second product of a set of rows, and what follows. Numbers of x are on their way while it runs, where there are
  // registers for them.
  __device__ void finish(const TileOfItem& place, int set, const Sums& inner_sums) {
    uint32_t inner[Tile::kSteps][4];
    finish_inner(inner_sums, inner);
    const Rows rows(q_, place, first_row_ + set * 64);
#pragma unroll
    for (int part = 0; part < Tile::kParts; ++part) {
      float sums[Tile::kSums];
      begin_second(inner, sums);
      uint2 x[Tile::kFours][2];
      if (Tile::kLoadsEarly) rows.load(q_, part * Tile::kFours, x);
      wgmma_wait<0>();
      wgmma_settle(sums);
      wgmma_settle(inner);
      if (set + 1 == Tile::kSets) {  // of whose weights all sets read
#pragma unroll
        for (int block = 0; block < Tile::kBlocks; ++block) release_weights(weights_.after(block));
        weights_ = weights_.after(Tile::kBlocks);
      }
      if (!Tile::kLoadsEarly) rows.load(q_, part * Tile::kFours, x);
#pragma unroll
      for (int four = 0; four < Tile::kFours; ++four) {
        store(rows, part * Tile::kFours + four, sums + 8 * four, x[four]);
      }
    }
  }

  __device__ void begin_second(uint32_t (&inner)[Tile::kSteps][4], float (&sums)[Tile::kSums]) const {
    wgmma_settle(inner);  // before the fence
#pragma unroll
    for (int block = 0; block < Tile::kBlocks; ++block) wait_for_weights(weights_.after(block));
    wgmma_fence();
#pragma unroll
    for (int k = 0; k < Tile::kSteps; ++k) {
      const uint64_t columns = operand_along_k(rings_.second.at(weights_.after(k / 4)));
      wgmma_of_registers<Tile::kPartColumns, false>(sums, inner[k], operand_after(columns, k % 4 * kStep), k > 0);
    }
    wgmma_commit();
  }

  // Elements of x and of y that the thread has of a set: of two rows the columns 16 i to 16 i + 3, from its own first
  // on.
  class Rows {
   public:
    __device__ Rows(const Sm90Unit& q, const TileOfItem& place, int first) {
      const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32 % 4;
#pragma unroll
      for (int row = 0; row < 2; ++row) {
        const int m = place.m + first + warp * 16 + lane / 4 + 8 * row;
        const int64_t in_item = m * q.p.c.w;
        inside_[row] = m < place.item.rows && in_item < place.item.limit;
        at_[row] = place.item.c + in_item + lane % 4 * 4;
      }
    }

    __device__ void load(const Sm90Unit& q, int first_four, uint2 (&x)[Tile::kFours][2]) const {
      const auto* numbers = static_cast<const uint16_t*>(q.p.c.residual.data);
#pragma unroll
      for (int four = 0; four < Tile::kFours; ++four) {
#pragma unroll
        for (int row = 0; row < 2; ++row) {
          x[four][row] = make_uint2(0, 0);
          if (inside(q, row, first_four + four)) {
            x[four][row] = *reinterpret_cast<const uint2*>(numbers + at(row, first_four + four));
          }
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

}  // namespace lmspt::cuda

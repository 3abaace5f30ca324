// From the sums of warp groups to C, by way of shared memory: threads hold pairs of columns of rows that are far apart,
// and are to store neighbours. Columns come 32 at a time through code that is there once: unrolled over a tile's
// columns it would be larger than the cache of instructions. Include only from sm90_kernel.h.
#pragma once

#include <utility>

#include "device/cuda/math.h"
#include "gemm/cuda/sm90_units.h"
#include "gemm/cuda/tile_item.h"

namespace lmspt::cuda {

constexpr int kStoredColumns = 32, kStoredRows = 16;  // of a warp at a time
constexpr int kStoredPitch = kStoredColumns + 8;      // floats; so that neither pairs nor fours meet in a bank
constexpr int kStoredBytes = kStoredRows * kStoredPitch * static_cast<int>(sizeof(float));

// Four rows of C, of which a thread stores four neighbouring columns each.
template <bool kHalves>
class Sm90Rows {
 public:
  // `row(i)` gives the position of row i of the tile within its item, or -1.
  template <class Row>
  __device__ Sm90Rows(const Product& p, const TileItem& item, const Row& row)
      : p_(p), limit_(item.limit), base_(item.c) {
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const int m = row(i);
      const Parts at = divide(m < 0 ? 0 : m, p.a.positions_w);
      places_[i] = at.quotient * p.c.h + at.rest * p.c.w + p.c.origin;
      if (m >= 0) inside_ |= 1u << i;
    }
  }

  // Columns n to n + 3, as many as there are. `sums` is where those of row 0 lie, the other rows are `pitch` apart.
  __device__ void store(const float* bias, int n, bool vectors, const float* sums, int pitch) const {
    if (vectors) {
      if (n < p_.columns) store_columns<4>(bias, n, sums, pitch);
      return;
    }
#pragma unroll 1
    for (int i = 0; i < 4 && n + i < p_.columns; ++i) store_columns<1>(bias, n + i, sums + i, pitch);
  }

 private:
  static constexpr int kRows = 4;

  template <int kCount>
  __device__ void store_columns(const float* bias, int n, const float* sums, int pitch) const {
    const Parts column = divide(n, p_.c.span);
    const int64_t across = column.quotient * p_.c.span_step + column.rest;
    float values[kRows][kCount];
    bool inside[kRows];
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      inside[i] = inside_ >> i & 1 && static_cast<uint64_t>(places_[i] + across) < static_cast<uint64_t>(limit_);
      Numbers(sums + i * pitch).load<kCount, false>(0, values[i]);
    }
    if (bias) {
#pragma unroll
      for (int c = 0; c < kCount; ++c) {
        const float shift = bias[column.rest + c];
#pragma unroll
        for (int i = 0; i < kRows; ++i) values[i][c] += shift;
      }
    }
    apply_gelu<kCount>(across, inside, values);
    if (p_.c.residual) {
      float more[kRows][kCount] = {};
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        if (inside[i]) p_.c.residual.load<kCount, kHalves>(base_ + places_[i] + across, more[i]);
      }
#pragma unroll
      for (int i = 0; i < kRows * kCount; ++i) values[i / kCount][i % kCount] += more[i / kCount][i % kCount];
    }
    if (p_.c.slope != 1.f) apply_slope<kCount>(across, inside, values);
    if (p_.c.alpha) {
      if (p_.c.activated) store_values<kCount>(p_.c.c, across, inside, values);
      float alpha[kCount];
      Numbers(p_.c.alpha).load<kCount, false>(column.rest, alpha);
#pragma unroll
      for (int c = 0; c < kCount; ++c) {
        const float inverse = snake_inverse(alpha[c]);
#pragma unroll
        for (int i = 0; i < kRows; ++i) values[i][c] = snake(values[i][c], alpha[c], inverse);
      }
    }
    store_values<kCount>(p_.c.alpha && p_.c.activated ? p_.c.activated : p_.c.c, across, inside, values);
  }

  template <int kCount>
  __device__ void store_values(const Numbers& to, int64_t across, const bool (&inside)[kRows],
                               const float (&values)[kRows][kCount]) const {
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      if (inside[i]) to.store<kCount, kHalves>(base_ + places_[i] + across, values[i]);
    }
  }

  template <int kCount>
  __device__ void apply_gelu(int64_t across, const bool (&inside)[kRows], float (&values)[kRows][kCount]) const {
    if (p_.c.gelu) {
      if (p_.c.before_gelu) store_values<kCount>(p_.c.before_gelu, across, inside, values);
#pragma unroll
      for (int i = 0; i < kRows * kCount; ++i) values[i / kCount][i % kCount] = gelu(values[i / kCount][i % kCount]);
    }
    if (p_.c.gelu_input) {
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        float inputs[kCount] = {};
        if (inside[i]) p_.c.gelu_input.load<kCount, kHalves>(base_ + places_[i] + across, inputs);
        for (int c = 0; c < kCount; ++c) values[i][c] = gelu_grad(inputs[c], values[i][c]);
      }
    }
  }

  template <int kCount>
  __device__ void apply_slope(int64_t across, const bool (&inside)[kRows], float (&values)[kRows][kCount]) const {
    float signs[kRows][kCount];
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      for (int c = 0; c < kCount; ++c) signs[i][c] = values[i][c];
      if (p_.c.signs && inside[i]) p_.c.signs.load<kCount, kHalves>(base_ + places_[i] + across, signs[i]);
    }
#pragma unroll
    for (int i = 0; i < kRows * kCount; ++i) {
      float& value = values[i / kCount][i % kCount];
      value = signs[i / kCount][i % kCount] < 0.f ? value * p_.c.slope : value;
    }
  }

  const Product& p_;
  int64_t limit_, base_, places_[kRows];
  uint32_t inside_ = 0;
};

// Columns 32 `chunk` to 32 `chunk` + 31 of the warp's 16 rows to shared memory.
template <int kColumns>
__device__ inline void stage_columns(const float (&sums)[kColumns / 2], int chunk, float* staged) {
  const int lane = threadIdx.x % 32;
  float* place = staged + lane / 4 * kStoredPitch + lane % 4 * 2;
  const auto stage = [&](auto number) {
    constexpr int kFirst = 16 * decltype(number)::value;
    if (chunk != decltype(number)::value) return;
#pragma unroll
    for (int i = 0; i < 8; ++i) {  // of four eights of columns, either row
      const float* pair = sums + kFirst + 4 * (i / 2) + 2 * (i % 2);
      *reinterpret_cast<float2*>(place + i % 2 * 8 * kStoredPitch + i / 2 * 8) = make_float2(pair[0], pair[1]);
    }
  };
  [&]<int... kChunks>(std::integer_sequence<int, kChunks...>) {
    (stage(std::integral_constant<int, kChunks>{}), ...);
  }(std::make_integer_sequence<int, kColumns / kStoredColumns>{});
}

}  // namespace lmspt::cuda

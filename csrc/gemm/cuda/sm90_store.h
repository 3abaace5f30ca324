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

// Four rows of C, of which a thread stores four neighbouring columns each. What decides is the same for all threads or
// a predicate of a single load or store: branches that part the threads of a warp take longer than what they skip.
template <bool kHalves>
class Sm90Rows {
  static constexpr int kRows = 4;

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

  // Columns n to n + kCount - 1 of the rows, and what is on its way to them.
  template <int kCount>
  struct Columns {
    int64_t across;
    int column;  // of bias and alpha
    bool inside[kRows];
    float bias[kCount], residual[kRows][kCount];
  };

  template <int kCount>
  __device__ Columns<kCount> fetch(const float* bias, int n) const {
    Columns<kCount> columns;
    const Parts column = divide(n, p_.c.span);
    const bool exist = n < p_.columns;
    columns.column = exist ? column.rest : 0;
    columns.across = column.quotient * p_.c.span_step + column.rest;
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      columns.inside[i] = exist && (inside_ >> i & 1) &&
                          static_cast<uint64_t>(places_[i] + columns.across) < static_cast<uint64_t>(limit_);
    }
#pragma unroll
    for (int c = 0; c < kCount; ++c) columns.bias[c] = bias && exist ? bias[column.rest + c] : 0.f;
    if (p_.c.residual) load_rows<kCount>(p_.c.residual, columns, columns.residual);
    return columns;
  }

  // `sums` is where those of row 0 lie, the other rows are `pitch` apart.
  template <int kCount>
  __device__ void store(const Columns<kCount>& columns, bool has_bias, const float* sums, int pitch) const {
    float values[kRows][kCount];
#pragma unroll
    for (int i = 0; i < kRows; ++i) Numbers(sums + i * pitch).load<kCount, false>(0, values[i]);
    if (has_bias) {
      each<kCount>([&](int i, int c) { values[i][c] += columns.bias[c]; });
    }
    if (p_.c.gelu) {
      if (p_.c.before_gelu) store_rows<kCount>(p_.c.before_gelu, columns, values);
      if (is_near(p_.c.c)) {
        each<kCount>([&](int i, int c) { values[i][c] = gelu_near(values[i][c]); });
      } else {
        each<kCount>([&](int i, int c) { values[i][c] = gelu(values[i][c]); });
      }
    }
    if (p_.c.gelu_input) {
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        float inputs[kCount] = {};
        if (columns.inside[i]) p_.c.gelu_input.load<kCount, kHalves>(place(columns, i), inputs);
        const bool near = is_near(p_.c.c);
        for (int c = 0; c < kCount; ++c) {
          values[i][c] = near ? gelu_grad_near(inputs[c], values[i][c]) : gelu_grad(inputs[c], values[i][c]);
        }
      }
    }
    if (p_.c.residual) {
      each<kCount>([&](int i, int c) { values[i][c] += columns.residual[i][c]; });
    }
    if (p_.c.slope != 1.f) apply_slope<kCount>(columns, values);
    if (!p_.c.alpha) return store_rows<kCount>(p_.c.c, columns, values);
    if (p_.c.activated) store_rows<kCount>(p_.c.c, columns, values);
    const Numbers& to = p_.c.activated ? p_.c.activated : p_.c.c;
    if (is_near(to)) {
      apply_snake<kCount>(columns, values, [](auto... numbers) { return snake_near(numbers...); });
    } else {
      apply_snake<kCount>(columns, values, [](auto... numbers) { return snake(numbers...); });
    }
    store_rows<kCount>(to, columns, values);
  }

 private:
  // Whether functions of what goes there may be off by less than bf16 numbers tell.
  static __device__ bool is_near(const Numbers& to) { return kHalves && to.halves; }

  template <int kCount, class Body>
  static __device__ void each(const Body& body) {
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
#pragma unroll
      for (int c = 0; c < kCount; ++c) body(i, c);
    }
  }

  template <int kCount, class Snake>
  __device__ void apply_snake(const Columns<kCount>& columns, float (&values)[kRows][kCount],
                              const Snake& snake_of) const {
#pragma unroll
    for (int c = 0; c < kCount; ++c) {
      const float alpha = p_.c.alpha[columns.column + c], inverse = snake_inverse(alpha);
#pragma unroll
      for (int i = 0; i < kRows; ++i) values[i][c] = snake_of(values[i][c], alpha, inverse);
    }
  }

  template <int kCount>
  __device__ void apply_slope(const Columns<kCount>& columns, float (&values)[kRows][kCount]) const {
    if (!p_.c.signs) {
      return each<kCount>([&](int i, int c) { values[i][c] = leaky(values[i][c], values[i][c]); });
    }
    float signs[kRows][kCount];
    load_rows<kCount>(p_.c.signs, columns, signs);
    each<kCount>([&](int i, int c) { values[i][c] = leaky(signs[i][c], values[i][c]); });
  }
  __device__ float leaky(float sign, float value) const { return sign < 0.f ? value * p_.c.slope : value; }

  template <int kCount>
  __device__ void load_rows(const Numbers& from, const Columns<kCount>& columns, float (&values)[kRows][kCount]) const {
    each<kCount>([&](int i, int c) { values[i][c] = 0; });
    if (kHalves && from.halves) {
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        if (columns.inside[i]) from.load_as<kCount, true>(place(columns, i), values[i]);
      }
    } else {
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        if (columns.inside[i]) from.load_as<kCount, false>(place(columns, i), values[i]);
      }
    }
  }

  template <int kCount>
  __device__ void store_rows(const Numbers& to, const Columns<kCount>& columns,
                             const float (&values)[kRows][kCount]) const {
    if (kHalves && to.halves) {
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        if (columns.inside[i]) to.store_as<kCount, true>(place(columns, i), values[i]);
      }
    } else {
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        if (columns.inside[i]) to.store_as<kCount, false>(place(columns, i), values[i]);
      }
    }
  }

  template <int kCount>
  __device__ int64_t place(const Columns<kCount>& columns, int i) const {
    return base_ + places_[i] + columns.across;
  }

  const Product& p_;
  int64_t limit_, base_, places_[kRows];
  uint32_t inside_ = 0;
};

// Chunk `chunk` of 32 columns of the warp's 16 rows to shared memory.
template <int kSums>
__device__ inline void stage_columns(const float (&sums)[kSums], int chunk, float* staged) {
  constexpr int kSumsOfChunk = kStoredColumns / 2;
  const int lane = threadIdx.x % 32;
  float* place = staged + lane / 4 * kStoredPitch + lane % 4 * 2;
  const auto stage = [&](auto number) {
    constexpr int kFirst = kSumsOfChunk * decltype(number)::value;
    if (chunk != decltype(number)::value) return;
#pragma unroll
    for (int i = 0; i < 8; ++i) {  // of four eights of columns, either row
      const float* pair = sums + kFirst + 4 * (i / 2) + 2 * (i % 2);
      *reinterpret_cast<float2*>(place + i % 2 * 8 * kStoredPitch + i / 2 * 8) = make_float2(pair[0], pair[1]);
    }
  };
  [&]<int... kChunks>(std::integer_sequence<int, kChunks...>) {
    (stage(std::integral_constant<int, kChunks>{}), ...);
  }(std::make_integer_sequence<int, kSums / kSumsOfChunk>{});
}

}  // namespace lmspt::cuda

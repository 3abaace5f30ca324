// A tile of C by fused multiply-adds: 256 threads as 16 by 16, each with kM by kN sums, in float32.
#pragma once

#include "gemm/cuda/arithmetic.h"
#include "gemm/cuda/columns_of_b.h"
#include "gemm/cuda/elements_of_c.h"
#include "gemm/cuda/rows_of_a.h"

namespace lmspt::cuda {

// The threads of a block as 16 by 16: warps of 4 by 8, four of them down and two across, so that a warp reads few
// addresses of shared memory.
__device__ inline int simt_row() {
  return static_cast<int>(threadIdx.x) / 64 * 4 + static_cast<int>(threadIdx.x) % 32 / 8;
}
__device__ inline int simt_column() {
  return static_cast<int>(threadIdx.x) / 32 % 2 * 8 + static_cast<int>(threadIdx.x) % 8;
}

template <int kM, int kN>
class SimtTile {
 public:
  using Operands = Float32;
  static constexpr int kRows = 16 * kM, kColumns = 16 * kN;
  static constexpr int kBlocks = kM * kN < 48 ? 2 : 1;  // that share a multiprocessor, at least

  __device__ void clear() {
#pragma unroll
    for (int i = 0; i < kM; ++i) {
#pragma unroll
      for (int j = 0; j < kN; ++j) sums_[i][j] = 0;
    }
  }

  // a (rows, kPitch), b (kBlockWords, kColumnPitch): sums in the order of K.
  template <int kPitch>
  __device__ void multiply(const uint32_t* a, int, const uint32_t* b) {
    const float* rows = reinterpret_cast<const float*>(a) + simt_row() * kPitch;
    const float* columns = reinterpret_cast<const float*>(b) + simt_column() * kVector;
#pragma unroll
    for (int k = 0; k < kBlockWords; k += 4) {
      float left[kM][4];
#pragma unroll
      for (int i = 0; i < kM; ++i) load_row(rows + i * 16 * kPitch + k, left[i]);
#pragma unroll
      for (int next = 0; next < 4; ++next) {
        float right[kN];
        load_columns(columns + (k + next) * kColumnPitch<kColumns>, right);
#pragma unroll
        for (int i = 0; i < kM; ++i) {
#pragma unroll
          for (int j = 0; j < kN; ++j) sums_[i][j] = fmaf(left[i][next], right[j], sums_[i][j]);
        }
      }
    }
  }

  // put(row, column, values) for every kTogether neighbouring sums of a row.
  static constexpr int kTogether = kN < 4 ? kN : 4;
  template <class Put>
  __device__ void each_group(const Put& put) const {
#pragma unroll
    for (int i = 0; i < kM; ++i) {
#pragma unroll
      for (int j = 0; j < kN; j += kTogether) {
        float values[kTogether];
#pragma unroll
        for (int e = 0; e < kTogether; ++e) values[e] = sums_[i][j + e];
        put(simt_row() + 16 * i, simt_column() * kTogether + 16 * j, values);
      }
    }
  }

  // Row m of the item and column n are the tile's first.
  template <bool kGelu>
  __device__ void finish(const Product& p, const TileItem& item, const float* bias, int m, int n, bool vectors) const {
#pragma unroll
    for (int i = 0; i < kM; ++i) {
      const int at = m + simt_row() + 16 * i;
      if (at >= item.rows) continue;
      const RowOfC<false, kGelu> c(p, item, at);
#pragma unroll
      for (int j = 0; j < kN; j += kVector) {
        c.template put<kVector>(bias, n + simt_column() * kVector + 16 * j, vectors, sums_[i] + j);
      }
    }
  }

 private:
  static constexpr int kVector = kN < 4 ? kN : 4;

  static __device__ void load_row(const float* row, float (&left)[4]) {
    const float4 four = *reinterpret_cast<const float4*>(row);
    left[0] = four.x, left[1] = four.y, left[2] = four.z, left[3] = four.w;
  }

  static __device__ void load_columns(const float* columns, float (&right)[kN]) {
    if constexpr (kVector == 4) {
#pragma unroll
      for (int j = 0; j < kN; j += 4) {
        const float4 four = *reinterpret_cast<const float4*>(columns + 16 * j);
        right[j] = four.x, right[j + 1] = four.y, right[j + 2] = four.z, right[j + 3] = four.w;
      }
    } else {
      static_assert(kN == 2);
      const float2 two = *reinterpret_cast<const float2*>(columns);
      right[0] = two.x, right[1] = two.y;
    }
  }

  float sums_[kM][kN];
};

}  // namespace lmspt::cuda

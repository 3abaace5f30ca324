// A tile of C by tensor cores: kDown by kAcross warps, each with kM by kN pieces of 16 by 8 sums. Fragments of tf32 and
// of pairs of bf16 numbers lie in the same registers, so that only the instruction differs.
#pragma once

#include "gemm/cuda/arithmetic.h"
#include "gemm/cuda/columns_of_b.h"
#include "gemm/cuda/elements_of_c.h"
#include "gemm/cuda/rows_of_a.h"

namespace lmspt::cuda {

template <class Arithmetic, int kDown, int kM, int kN>
class TensorTile {
 public:
  using Operands = Arithmetic;
  static constexpr int kAcross = kThreads / 32 / kDown;
  static constexpr int kRows = kDown * kM * 16, kColumns = kAcross * kN * 8;
  static constexpr int kBlocks = kM * kN < 16 ? 2 : 1;  // that share a multiprocessor, at least

  __device__ void clear() {
#pragma unroll
    for (int i = 0; i < kM; ++i) {
#pragma unroll
      for (int j = 0; j < kN; ++j) {
#pragma unroll
        for (int e = 0; e < 4; ++e) sums_[i][j][e] = 0;
      }
    }
  }

  // a (planes, rows, kPitch) with planes `plane` words apart, b (planes, kBlockWords, kColumnPitch). Blocks of 8 words
  // in the order of K; of a split product the small terms first.
  template <int kPitch>
  __device__ void multiply(const uint32_t* a, int plane, const uint32_t* b) {
    constexpr int kBPlane = kBlockWords * kColumnPitch<kColumns>;
    a += (row() + lane() % 16) * kPitch + lane() / 16 * 4;
    b += lane() % 4 * kColumnPitch<kColumns> + column() + lane() / 4;
#pragma unroll
    for (int k = 0; k < kBlockWords; k += 8) {
      uint32_t rows[kM][4], columns[kN][2];
      if constexpr (Arithmetic::kPlanes == 2) {
        load_rows<kPitch>(a + k, rows);
        load_columns(b + kBPlane + k * kColumnPitch<kColumns>, columns);
        multiply_pieces(rows, columns);
        uint32_t high[kN][2];
        load_columns(b + k * kColumnPitch<kColumns>, high);
        uint32_t low[kM][4];
        load_rows<kPitch>(a + plane + k, low);
        multiply_pieces(low, high);
        multiply_pieces(rows, high);
      } else {
        load_rows<kPitch>(a + k, rows);
        load_columns(b + k * kColumnPitch<kColumns>, columns);
        multiply_pieces(rows, columns);
      }
    }
  }

  // The same of operands that both run along K: p (planes, kBlockWords, kColumnPitch of the rows), q likewise.
  __device__ void multiply_along_k(const uint32_t* p, const uint32_t* q) {
    constexpr int kPPlane = kBlockWords * kColumnPitch<kRows>, kQPlane = kBlockWords * kColumnPitch<kColumns>;
    p += lane() % 4 * kColumnPitch<kRows> + row() + lane() / 4;
    q += lane() % 4 * kColumnPitch<kColumns> + column() + lane() / 4;
#pragma unroll
    for (int k = 0; k < kBlockWords; k += 8) {
      uint32_t rows[kM][4], columns[kN][2];
      load_rows_along_k(p + k * kColumnPitch<kRows>, rows);
      if constexpr (Arithmetic::kPlanes == 2) {
        load_columns(q + kQPlane + k * kColumnPitch<kColumns>, columns);
        multiply_pieces(rows, columns);
        uint32_t high[kN][2];
        load_columns(q + k * kColumnPitch<kColumns>, high);
        uint32_t low[kM][4];
        load_rows_along_k(p + kPPlane + k * kColumnPitch<kRows>, low);
        multiply_pieces(low, high);
        multiply_pieces(rows, high);
      } else {
        load_columns(q + k * kColumnPitch<kColumns>, columns);
        multiply_pieces(rows, columns);
      }
    }
  }

  // put(row, column, values) for every kTogether neighbouring sums of a row.
  static constexpr int kTogether = 2;
  template <class Put>
  __device__ void each_group(const Put& put) const {
#pragma unroll
    for (int i = 0; i < kM; ++i) {
#pragma unroll
      for (int j = 0; j < kN; ++j) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const float values[2] = {sums_[i][j][2 * half], sums_[i][j][2 * half + 1]};
          put(row() + 16 * i + 8 * half + lane() / 4, column() + 8 * j + lane() % 4 * 2, values);
        }
      }
    }
  }

  // put(row, column, sum) for every sum of the tile.
  template <class Put>
  __device__ void each(const Put& put) const {
#pragma unroll
    for (int i = 0; i < kM; ++i) {
#pragma unroll
      for (int j = 0; j < kN; ++j) {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          put(row() + 16 * i + e / 2 * 8 + lane() / 4, column() + 8 * j + lane() % 4 * 2 + e % 2, sums_[i][j][e]);
        }
      }
    }
  }

  // Row m of the item and column n are the tile's first.
  template <bool kGelu>
  __device__ void finish(const Product& p, const TileItem& item, const float* bias, int m, int n, bool vectors) const {
#pragma unroll
    for (int i = 0; i < kM; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int at = m + row() + 16 * i + 8 * half + lane() / 4;
        if (at >= item.rows) continue;
        const RowOfC<Arithmetic::kHalves, kGelu> c(p, item, at);
#pragma unroll
        for (int j = 0; j < kN; ++j) {
          c.template put<2>(bias, n + column() + 8 * j + lane() % 4 * 2, vectors, sums_[i][j] + 2 * half);
        }
      }
    }
  }

 private:
  static __device__ int lane() { return static_cast<int>(threadIdx.x) % 32; }
  static __device__ int row() { return static_cast<int>(threadIdx.x) / 32 / kAcross * kM * 16; }
  static __device__ int column() { return static_cast<int>(threadIdx.x) / 32 % kAcross * kN * 8; }

  template <int kPitch>
  static __device__ void load_rows(const uint32_t* a, uint32_t (&rows)[kM][4]) {
#pragma unroll
    for (int i = 0; i < kM; ++i) load_matrix(rows[i], a + i * 16 * kPitch);
  }

  static __device__ void load_rows_along_k(const uint32_t* p, uint32_t (&rows)[kM][4]) {
#pragma unroll
    for (int i = 0; i < kM; ++i) {
#pragma unroll
      for (int e = 0; e < 4; ++e) rows[i][e] = p[e / 2 * 4 * kColumnPitch<kRows> + 16 * i + e % 2 * 8];
    }
  }

  static __device__ void load_columns(const uint32_t* b, uint32_t (&columns)[kN][2]) {
#pragma unroll
    for (int j = 0; j < kN; ++j) {
#pragma unroll
      for (int half = 0; half < 2; ++half) columns[j][half] = b[half * 4 * kColumnPitch<kColumns> + 8 * j];
    }
  }

  __device__ void multiply_pieces(const uint32_t (&rows)[kM][4], const uint32_t (&columns)[kN][2]) {
#pragma unroll
    for (int i = 0; i < kM; ++i) {
#pragma unroll
      for (int j = 0; j < kN; ++j) {
        if constexpr (Arithmetic::kFloats == 2) {
          multiply_bf16(sums_[i][j], rows[i], columns[j]);
        } else {
          multiply_tf32(sums_[i][j], rows[i], columns[j]);
        }
      }
    }
  }

  float sums_[kM][kN][4];
};

}  // namespace lmspt::cuda

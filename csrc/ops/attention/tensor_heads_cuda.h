// What the attention kernels do with tiles of rows, on tensor cores. A block has 4 warps, of which each owns 16 rows of
// a product and all its columns; lane 4 group + place owns the rows group and group + 8, and of every 8 columns two.
// Tiles hold the operands' words, pairs of bf16 numbers or single tf32 ones, in one plane or for split products in
// two; rows are padded by four words, which lets 8 lanes read 8 rows at once. Sums and softmax are float32.
#pragma once

#include "gemm/cuda/arithmetic.h"
#include "ops/attention/heads_cuda.h"

namespace lmspt::cuda {

template <class Arithmetic, int Size, int Columns>
struct TensorHeads {
  using Element = uint32_t;  // of a tile in shared memory
  static constexpr int kBlockThreads = 128;
  static constexpr int kRows = 64;                 // of a product
  static constexpr int kColumns = Columns;         // of a product
  static constexpr int kOwnRows = 2;               // of a thread
  static constexpr int kOwnColumns = Columns / 4;  // of a thread
  static constexpr int kOwnFeatures = Size / 4;    // of a row of sums, of a thread
  static constexpr int kRowLanes = 4;              // that share a row
  static constexpr int kBlocksAtOnce = 2;          // on a multiprocessor, for which registers suffice

  static constexpr int kPlanes = Arithmetic::kPlanes, kFloats = Arithmetic::kFloats;
  static constexpr int kWords = Size / kFloats;  // of a row
  static constexpr int kPitch = kWords + 4;      // from row to row in shared memory
  static constexpr int kWeightElements = 0;
  static constexpr int kRowTile = kPlanes * kRows * kPitch, kColumnTile = kPlanes * kColumns * kPitch;  // of a tile

  static __device__ int row(int r) { return warp() * 16 + group() + 8 * r; }
  static __device__ int column(int c) { return c / 2 * 8 + 2 * place() + c % 2; }
  static __device__ float exponential(float x) { return __expf(x); }  // some 1e-6 off, which operands are more

  // Rows [0, count) of `source`, of `size` floats, times `factor`, as a tile of kTileRows rows; zeros beyond.
  template <int kTileRows>
  static __device__ void stage(const float* source, int64_t stride, int64_t count, int size, float factor,
                               bool by_fours, uint32_t* tile) {
    for (int i = threadIdx.x; i < kTileRows * (Size / 4); i += kBlockThreads) {
      const int row = i / (Size / 4), first = i % (Size / 4) * 4;
      float4 four = make_float4(0, 0, 0, 0);
      if (row < count) four = load_four(source + row * stride, first, size, by_fours);
      const float values[4] = {four.x * factor, four.y * factor, four.z * factor, four.w * factor};
      for (int plane = 0; plane < kPlanes; ++plane) {
        uint32_t* target = tile + (plane * kTileRows + row) * kPitch + first / kFloats;
        if constexpr (kFloats == 2) {
          *reinterpret_cast<uint2*>(target) =
              make_uint2(Arithmetic::word(values, plane), Arithmetic::word(values + 2, plane));
        } else {
          *reinterpret_cast<uint4*>(target) =
              make_uint4(Arithmetic::word(values, plane), Arithmetic::word(values + 1, plane),
                         Arithmetic::word(values + 2, plane), Arithmetic::word(values + 3, plane));
        }
      }
    }
  }

  // out[r][c] = <row(r) of a, column(c) of b>, tiles of kRows and kColumns rows. Of a split product the small terms
  // come first.
  static __device__ void products(const uint32_t* a, const uint32_t* b, float (&out)[2][kOwnColumns]) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
#pragma unroll
      for (int c = 0; c < kOwnColumns; ++c) out[r][c] = 0;
    }
    a += (warp() * 16 + lane() % 16) * kPitch + lane() / 16 * 4;
    b += (lane() / 16 * 8 + lane() % 8) * kPitch + lane() / 8 % 2 * 4;
    const uint32_t *low_a = a + kRows * kPitch, *low_b = b + kColumns * kPitch;
#pragma unroll 2
    for (int word = 0; word < kWords; word += 8) {
      uint32_t rows[4];
      load_matrix(rows, a + word);
      if constexpr (kPlanes == 2) {
        uint32_t low_rows[4];
        load_matrix(low_rows, low_a + word);
        add_products(low_rows, b + word, out);
        add_products(rows, low_b + word, out);
      }
      add_products(rows, b + word, out);
    }
  }

  // sums[r] += the kColumns rows of `tile` weighted by row(r) of `values`.
  static __device__ void add_weighted(const float (&values)[2][kOwnColumns], uint32_t*, const uint32_t* tile,
                                      float (&sums)[2][kOwnFeatures]) {
    constexpr int kStep = 4 * kFloats / 2;  // own columns that one instruction takes
#pragma unroll
    for (int c = 0; c < kOwnColumns; c += kStep) {
      if constexpr (kPlanes == 2) {
        add_rows(operand(values, c, 1), tile, c, sums);
        add_rows(operand(values, c, 0), tile + kColumns * kPitch, c, sums);
      }
      add_rows(operand(values, c, 0), tile, c, sums);
    }
  }

  // The thread's part of a row of sums.
  static __device__ void store_row(const float (&sums)[kOwnFeatures], int size, bool by_fours, float* out) {
#pragma unroll
    for (int f = 0; f < kOwnFeatures; f += 2) {
      const int feature = f * 4 + 2 * place();
      if (by_fours) {
        if (feature < size) *reinterpret_cast<float2*>(out + feature) = make_float2(sums[f], sums[f + 1]);
        continue;
      }
      if (feature < size) out[feature] = sums[f];
      if (feature + 1 < size) out[feature + 1] = sums[f + 1];
    }
  }

 private:
  struct Fragment {
    uint32_t words[4];
  };

  static __device__ int warp() { return threadIdx.x / kWarp; }
  static __device__ int lane() { return threadIdx.x % kWarp; }
  static __device__ int group() { return lane() / 4; }
  static __device__ int place() { return lane() % 4; }

  static __device__ void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    if constexpr (kFloats == 2) {
      multiply_bf16(d, a, b);
    } else {
      multiply_tf32(d, a, b);
    }
  }

  // Eight neighbouring columns [n, n + 2) of the thread's.
  template <int count>
  static __device__ void multiply_at(const uint32_t (&a)[4], uint32_t b0, uint32_t b1, int n, float (&sums)[2][count]) {
    const uint32_t b[2] = {b0, b1};
    float d[4] = {sums[0][n], sums[0][n + 1], sums[1][n], sums[1][n + 1]};
    multiply(d, a, b);
    sums[0][n] = d[0], sums[0][n + 1] = d[1], sums[1][n] = d[2], sums[1][n + 1] = d[3];
  }

  static __device__ void add_products(const uint32_t (&rows)[4], const uint32_t* b, float (&out)[2][kOwnColumns]) {
#pragma unroll
    for (int c = 0; c < kOwnColumns; c += 4) {  // 16 columns
      uint32_t columns[4];
      load_matrix(columns, b + c * 4 * kPitch);
      multiply_at(rows, columns[0], columns[1], c, out);
      multiply_at(rows, columns[2], columns[3], c + 2, out);
    }
  }

  // Own columns from c on as an operand's rows. Two tf32 columns stand for places k and k + 4 of the instruction.
  static __device__ Fragment operand(const float (&values)[2][kOwnColumns], int c, int plane) {
    if constexpr (kFloats == 2) {
      return {{Arithmetic::word(values[0] + c, plane), Arithmetic::word(values[1] + c, plane),
               Arithmetic::word(values[0] + c + 2, plane), Arithmetic::word(values[1] + c + 2, plane)}};
    } else {
      return {{Arithmetic::word(values[0] + c, plane), Arithmetic::word(values[1] + c, plane),
               Arithmetic::word(values[0] + c + 1, plane), Arithmetic::word(values[1] + c + 1, plane)}};
    }
  }

  // The rows of `tile` that belong to the own columns from c on.
  static __device__ void add_rows(const Fragment& weights, const uint32_t* tile, int c,
                                  float (&sums)[2][kOwnFeatures]) {
    if constexpr (kFloats == 2) {
      const uint32_t* rows = tile + (c * 4 + lane() % 16) * kPitch + lane() / 16 * 4;
#pragma unroll
      for (int f = 0; f < kOwnFeatures; f += 4) {  // 16 features
        uint32_t columns[4];
        load_matrix<true>(columns, rows + f * 2);
        multiply_at(weights.words, columns[0], columns[1], f, sums);
        multiply_at(weights.words, columns[2], columns[3], f + 2, sums);
      }
    } else {
      const uint32_t* rows = tile + (c * 4 + 2 * place()) * kPitch + group();
#pragma unroll
      for (int f = 0; f < kOwnFeatures; f += 2) multiply_at(weights.words, rows[f * 4], rows[kPitch + f * 4], f, sums);
    }
  }
};

}  // namespace lmspt::cuda

// What the attention kernels do with tiles of rows, on the ordinary units. 256 threads stand as 16 x 16; thread (y, x)
// owns the rows y + 16 r of a product and its columns x + 16 c, so that a row belongs to 16 neighbouring lanes. Tiles
// hold rows as they are, padded by four floats, which lets 8 lanes read 8 rows at once. Head sizes are filled up with
// zeros to Size.
#pragma once

#include "device/cuda/math.h"
#include "ops/attention/heads_cuda.h"

namespace lmspt::cuda {

template <int Size, int Rows>
struct FloatHeads {
  using Element = float;  // of a tile in shared memory
  static constexpr int kSide = 16;
  static constexpr int kBlockThreads = kSide * kSide;
  static constexpr int kRows = kSide * Rows;                // of a product
  static constexpr int kColumns = kRows;                    // of a product
  static constexpr int kOwnRows = Rows;                     // of a thread
  static constexpr int kOwnColumns = Rows;                  // of a thread
  static constexpr int kOwnFeatures = Size / kSide;         // of a row of sums, of a thread
  static constexpr int kRowLanes = kSide;                   // that share a row
  static constexpr int kBlocksAtOnce = Size > 128 ? 1 : 2;  // on a multiprocessor, for which registers suffice

  static constexpr int kPitch = Size + 4, kWeightPitch = kColumns + 4;  // of rows in shared memory
  static constexpr int kWeightElements = kRows * kWeightPitch;
  static constexpr int kRowTile = kRows * kPitch, kColumnTile = kColumns * kPitch;  // elements of a tile

  static __device__ int row(int r) { return y() + kSide * r; }
  static __device__ int column(int c) { return x() + kSide * c; }
  static __device__ float exponential(float x) { return exp_falling(x); }

  // Rows [0, count) of `source`, of `size` floats, times `factor`, as a tile of kTileRows rows; zeros beyond.
  template <int kTileRows>
  static __device__ void stage(const float* source, int64_t stride, int64_t count, int size, float factor,
                               bool by_fours, float* tile) {
    for (int i = threadIdx.x; i < kTileRows * (Size / 4); i += kBlockThreads) {
      const int row = i / (Size / 4), first = i % (Size / 4) * 4;
      float4 four = make_float4(0, 0, 0, 0);
      if (row < count) four = load_four(source + row * stride, first, size, by_fours);
      *reinterpret_cast<float4*>(tile + row * kPitch + first) =
          make_float4(four.x * factor, four.y * factor, four.z * factor, four.w * factor);
    }
  }

  // out[r][c] = <row(r) of a, column(c) of b>, both tiles.
  static __device__ void products(const float* a, const float* b, float (&out)[Rows][Rows]) {
    a += y() * kPitch;
    b += x() * kPitch;
#pragma unroll
    for (int r = 0; r < Rows; ++r) {
#pragma unroll
      for (int c = 0; c < Rows; ++c) out[r][c] = 0;
    }
#pragma unroll 1
    for (int i = 0; i < Size; i += 4) {
      float4 u[Rows], v[Rows];
#pragma unroll
      for (int r = 0; r < Rows; ++r) u[r] = *reinterpret_cast<const float4*>(a + r * kSide * kPitch + i);
#pragma unroll
      for (int c = 0; c < Rows; ++c) v[c] = *reinterpret_cast<const float4*>(b + c * kSide * kPitch + i);
#pragma unroll
      for (int r = 0; r < Rows; ++r) {
#pragma unroll
        for (int c = 0; c < Rows; ++c) {
          float sum = fmaf(u[r].x, v[c].x, out[r][c]);
          sum = fmaf(u[r].y, v[c].y, sum);
          sum = fmaf(u[r].z, v[c].z, sum);
          out[r][c] = fmaf(u[r].w, v[c].w, sum);
        }
      }
    }
  }

  // sums[r] += the kColumns rows of `tile` weighted by row(r) of `values`, which go through `weights` in shared memory:
  // a row of them is written and read by the lanes of one warp.
  static __device__ void add_weighted(const float (&values)[Rows][Rows], float* weights, const float* tile,
                                      float (&sums)[Rows][kOwnFeatures]) {
    __syncwarp();  // what was there is read
#pragma unroll
    for (int r = 0; r < Rows; ++r) {
#pragma unroll
      for (int c = 0; c < Rows; ++c) weights[row(r) * kWeightPitch + column(c)] = values[r][c];
    }
    __syncwarp();
    weights += y() * kWeightPitch;
#pragma unroll 1
    for (int i = 0; i < kColumns; i += 4) {
      float4 w[Rows];
#pragma unroll
      for (int r = 0; r < Rows; ++r) w[r] = *reinterpret_cast<const float4*>(weights + r * kSide * kWeightPitch + i);
#pragma unroll
      for (int f = 0; f < kOwnFeatures; f += 4) {
        const float* p = tile + i * kPitch + feature(f);
        float4 v[4];
        for (int k = 0; k < 4; ++k) v[k] = *reinterpret_cast<const float4*>(p + k * kPitch);
#pragma unroll
        for (int r = 0; r < Rows; ++r) {
          add_scaled(w[r].x, v[0], sums[r] + f);
          add_scaled(w[r].y, v[1], sums[r] + f);
          add_scaled(w[r].z, v[2], sums[r] + f);
          add_scaled(w[r].w, v[3], sums[r] + f);
        }
      }
    }
  }

  // The thread's part of a row of sums.
  static __device__ void store_row(const float (&sums)[kOwnFeatures], int size, bool by_fours, float* out) {
#pragma unroll
    for (int f = 0; f < kOwnFeatures; f += 4) {
      if (by_fours) {
        if (feature(f) < size) {
          *reinterpret_cast<float4*>(out + feature(f)) = make_float4(sums[f], sums[f + 1], sums[f + 2], sums[f + 3]);
        }
        continue;
      }
      for (int k = 0; k < 4; ++k) {
        if (feature(f) + k < size) out[feature(f) + k] = sums[f + k];
      }
    }
  }

 private:
  static_assert(kOwnFeatures % 4 == 0);

  static __device__ int y() { return threadIdx.x / kSide; }
  static __device__ int x() { return threadIdx.x % kSide; }
  static __device__ int feature(int f) { return 4 * x() + kSide * f; }  // f a multiple of 4

  static __device__ void add_scaled(float factor, const float4& v, float* sums) {
    sums[0] = fmaf(factor, v.x, sums[0]);
    sums[1] = fmaf(factor, v.y, sums[1]);
    sums[2] = fmaf(factor, v.z, sums[2]);
    sums[3] = fmaf(factor, v.w, sums[3]);
  }
};

}  // namespace lmspt::cuda

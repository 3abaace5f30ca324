// What the attention kernels do with tiles in shared memory. 256 threads stand as 16 x 16; thread (y, x) owns the rows
// y + 16 r of a product and its columns x + 16 c, so that a row belongs to 16 neighbouring lanes. Tiles hold rows as
// they are, padded by four floats, which lets 8 lanes read 8 rows at once. Head sizes are filled up with zeros to Size.
#pragma once

#include "device/cuda/groups.h"
#include "device/cuda/math.h"
#include "ops/attention/attention.h"

namespace lmspt::cuda {

constexpr int kSide = 16;
constexpr int kPadding = 4;

__device__ inline int tile_y() { return threadIdx.x / kSide; }
__device__ inline int tile_x() { return threadIdx.x % kSide; }

// Tiles of 16 Rows rows of Size floats.
template <int Size, int Rows>
struct Tiles {
  static constexpr int kRows = kSide * Rows;
  static constexpr int kPitch = Size + kPadding;         // of rows of q, k, v ...
  static constexpr int kWeightPitch = kRows + kPadding;  // of rows of weights
  static constexpr int kFloats = kRows * kPitch;         // of a tile
  static constexpr int kWeightFloats = kRows * kWeightPitch;
  static constexpr int kFours = Size / (4 * kSide);  // float4s of a row that a thread owns
  static_assert(kFours * 4 * kSide == Size);

  // Column of the thread's float4 `four` of a row.
  static __device__ int column(int four) { return 4 * (tile_x() + kSide * four); }

  // Rows [0, count) of `source`, of `size` floats, times `factor`; zeros beyond.
  static __device__ void stage(const float* source, int64_t stride, int64_t count, int size, float factor,
                               bool by_fours, float* tile) {
    for (int i = threadIdx.x; i < kRows * (Size / 4); i += kThreads) {
      const int row = i / (Size / 4), column = i % (Size / 4) * 4;
      float4 four = make_float4(0, 0, 0, 0);
      if (row < count) {
        const float* p = source + row * stride + column;
        if (by_fours) {
          if (column < size) four = *reinterpret_cast<const float4*>(p);
        } else {
          if (column < size) four.x = p[0];
          if (column + 1 < size) four.y = p[1];
          if (column + 2 < size) four.z = p[2];
          if (column + 3 < size) four.w = p[3];
        }
      }
      *reinterpret_cast<float4*>(tile + row * kPitch + column) =
          make_float4(four.x * factor, four.y * factor, four.z * factor, four.w * factor);
    }
  }

  // out[r][c] = <row y + 16 r of a, row x + 16 c of b>
  static __device__ void products(const float* a, const float* b, float (&out)[Rows][Rows]) {
    const float* const a_rows = a + tile_y() * kPitch;
    const float* const b_rows = b + tile_x() * kPitch;
    for (int r = 0; r < Rows; ++r) {
      for (int c = 0; c < Rows; ++c) out[r][c] = 0;
    }
#pragma unroll 1
    for (int i = 0; i < Size; i += 4) {
      float4 u[Rows], v[Rows];
      for (int r = 0; r < Rows; ++r) u[r] = *reinterpret_cast<const float4*>(a_rows + r * kSide * kPitch + i);
      for (int c = 0; c < Rows; ++c) v[c] = *reinterpret_cast<const float4*>(b_rows + c * kSide * kPitch + i);
      for (int r = 0; r < Rows; ++r) {
        for (int c = 0; c < Rows; ++c) {
          float sum = fmaf(u[r].x, v[c].x, out[r][c]);
          sum = fmaf(u[r].y, v[c].y, sum);
          sum = fmaf(u[r].z, v[c].z, sum);
          out[r][c] = fmaf(u[r].w, v[c].w, sum);
        }
      }
    }
  }

  // Weights into shared memory, for `add_weighted`. A row is written and read by the lanes of one warp.
  static __device__ void store_weights(const float (&values)[Rows][Rows], float* weights) {
    __syncwarp();  // what was there is read
    for (int r = 0; r < Rows; ++r) {
      for (int c = 0; c < Rows; ++c) {
        weights[(tile_y() + r * kSide) * kWeightPitch + tile_x() + c * kSide] = values[r][c];
      }
    }
    __syncwarp();
  }

  // sums[r] += the rows of `tile`, weighted by row y + 16 r of `weights`; the thread's columns.
  static __device__ void add_weighted(const float* weights, const float* tile, float4 (&sums)[Rows][kFours]) {
    const float* const factors = weights + tile_y() * kWeightPitch;
#pragma unroll 1
    for (int i = 0; i < kRows; i += 4) {
      float4 w[Rows];
      for (int r = 0; r < Rows; ++r) w[r] = *reinterpret_cast<const float4*>(factors + r * kSide * kWeightPitch + i);
      for (int f = 0; f < kFours; ++f) {
        const float* p = tile + i * kPitch + column(f);
        const float4 v0 = *reinterpret_cast<const float4*>(p), v1 = *reinterpret_cast<const float4*>(p + kPitch);
        const float4 v2 = *reinterpret_cast<const float4*>(p + 2 * kPitch),
                     v3 = *reinterpret_cast<const float4*>(p + 3 * kPitch);
        for (int r = 0; r < Rows; ++r) {
          add_scaled(w[r].x, v0, sums[r][f]);
          add_scaled(w[r].y, v1, sums[r][f]);
          add_scaled(w[r].z, v2, sums[r][f]);
          add_scaled(w[r].w, v3, sums[r][f]);
        }
      }
    }
  }

  static __device__ void add_scaled(float factor, const float4& v, float4& sum) {
    sum.x = fmaf(factor, v.x, sum.x);
    sum.y = fmaf(factor, v.y, sum.y);
    sum.z = fmaf(factor, v.z, sum.z);
    sum.w = fmaf(factor, v.w, sum.w);
  }

  static __device__ void clear(float4 (&sums)[Rows][kFours]) {
    for (int r = 0; r < Rows; ++r) {
      for (int f = 0; f < kFours; ++f) sums[r][f] = make_float4(0, 0, 0, 0);
    }
  }

  static __device__ void scale(float factor, float4 (&row)[kFours]) {
    for (int f = 0; f < kFours; ++f) {
      row[f] = make_float4(row[f].x * factor, row[f].y * factor, row[f].z * factor, row[f].w * factor);
    }
  }

  // The thread's part of a row of the output.
  static __device__ void store_row(const float4 (&row)[kFours], int size, bool by_fours, float* out) {
    for (int f = 0; f < kFours; ++f) {
      const int first = column(f);
      if (by_fours) {
        if (first < size) *reinterpret_cast<float4*>(out + first) = row[f];
      } else {
        if (first < size) out[first] = row[f].x;
        if (first + 1 < size) out[first + 1] = row[f].y;
        if (first + 2 < size) out[first + 2] = row[f].z;
        if (first + 3 < size) out[first + 3] = row[f].w;
      }
    }
  }
};

// Over the 16 lanes of a row.
template <class Join>
__device__ inline float reduce_row(float value, Join join) {
  for (int distance = kSide / 2; distance > 0; distance /= 2) value = join(value, exchange(value, distance));
  return value;
}

// The softmax of rows that come tile by tile. As on the CPU a NaN or plus infinity makes a row NaN, and so does nothing
// but minus infinity.
template <int Rows>
struct RunningSoftmax {
  float top[Rows], total[Rows];

  __device__ void clear() {
    for (int r = 0; r < Rows; ++r) {
      top[r] = -INFINITY;
      total[r] = 0;
    }
  }

  // Scores become exp(score - largest so far); returns what earlier results of row r have to be multiplied with.
  __device__ float take(int r, float (&scores)[Rows]) {
    float largest = top[r];
    for (int c = 0; c < Rows; ++c) largest = fmaxf(largest, scores[c]);
    largest = reduce_row(largest, LargerOf());
    const float center = largest == -INFINITY ? 0.f : largest;
    const float factor = exp_falling(top[r] - center);
    float sum = 0;
    for (int c = 0; c < Rows; ++c) {
      scores[c] = exp_falling(scores[c] - center);
      sum += scores[c];
    }
    total[r] = fmaf(total[r], factor, reduce_row(sum, Add()));
    top[r] = largest;
    return factor;
  }
};

inline Grid grid_of(int64_t tiles, size_t shared_bytes) {
  return {dim3(static_cast<unsigned>(std::min(tiles, kMaxBlocks))), kThreads, shared_bytes};
}

inline bool reads_by_fours(const AttentionGeometry& g, const KernelContext& context) {
  const auto aligned = [](const Tensor& tensor) {
    return reinterpret_cast<uintptr_t>(tensor.data) % sizeof(float4) == 0;
  };
  bool all = g.size % 4 == 0;
  for (int i = 0; i < context.input_count; ++i) all = all && aligned(context.in(i));
  for (int i = 0; i < context.output_count; ++i) all = all && aligned(context.out(i));
  return all;
}

}  // namespace lmspt::cuda

// What the attention kernels share, whatever multiplies their tiles: FloatHeads or TensorHeads.
#pragma once

#include "device/cuda/groups.h"
#include "ops/attention/attention.h"

namespace lmspt::cuda {

// Features [first, first + 4) of a row of `size` floats, zeros beyond.
__device__ inline float4 load_four(const float* row, int first, int size, bool by_fours) {
  float4 four = make_float4(0, 0, 0, 0);
  if (by_fours) {
    if (first < size) four = *reinterpret_cast<const float4*>(row + first);
    return four;
  }
  if (first < size) four.x = row[first];
  if (first + 1 < size) four.y = row[first + 1];
  if (first + 2 < size) four.z = row[first + 2];
  if (first + 3 < size) four.w = row[first + 3];
  return four;
}

// Whether all rows begin at multiples of 16 bytes.
inline bool reads_by_fours(const AttentionGeometry& g, const KernelContext& context) {
  const auto aligned = [](const Tensor& tensor) {
    return reinterpret_cast<uintptr_t>(tensor.data) % sizeof(float4) == 0;
  };
  bool all = g.size % 4 == 0;
  for (int i = 0; i < context.input_count; ++i) all = all && aligned(context.in(i));
  for (int i = 0; i < context.output_count; ++i) all = all && aligned(context.out(i));
  return all;
}

// A tile of queries of one head; tiles that see most keys come first.
template <class Heads>
struct QueryTile {
  int64_t first, head, item, key_head;
  int count;
  int64_t seen;  // keys that the tile's last query sees

  static __device__ int64_t units(const AttentionGeometry& g) { return tiles(g) * g.batch * g.heads; }
  static __device__ QueryTile of(const AttentionGeometry& g, int64_t unit) {
    const int64_t heads = g.batch * g.heads, head = unit % heads % g.heads;
    const int64_t first = (tiles(g) - 1 - unit / heads) * Heads::kRows, left = g.queries - first;
    const int count = static_cast<int>(left < Heads::kRows ? left : Heads::kRows);
    return {first, head, unit % heads / g.heads, head / g.heads_per_key(), count, g.visible(first + count - 1)};
  }

 private:
  static __device__ int64_t tiles(const AttentionGeometry& g) { return (g.queries + Heads::kRows - 1) / Heads::kRows; }
};

// Over the lanes that share a row.
template <class Heads, class Join>
__device__ inline float reduce_row(float value, Join join) {
  for (int distance = Heads::kRowLanes / 2; distance > 0; distance /= 2) value = join(value, exchange(value, distance));
  return value;
}

template <class Heads>
__device__ inline void clear(float (&sums)[Heads::kOwnRows][Heads::kOwnFeatures]) {
#pragma unroll
  for (int r = 0; r < Heads::kOwnRows; ++r) {
#pragma unroll
    for (int f = 0; f < Heads::kOwnFeatures; ++f) sums[r][f] = 0;
  }
}

template <int count>
__device__ inline void scale(float factor, float (&values)[count]) {
#pragma unroll
  for (int i = 0; i < count; ++i) values[i] *= factor;
}

// Scores of keys that a query does not see become minus infinity: those from key visible(query) on, keys and queries
// counted from the tile's first.
template <class Heads>
__device__ inline void mask(const AttentionGeometry& g, int64_t first_query, int64_t first_key,
                            float (&scores)[Heads::kOwnRows][Heads::kOwnColumns]) {
  const int64_t all_see = g.visible(first_query) < g.keys ? g.visible(first_query) : g.keys;
  if (first_key + Heads::kColumns <= all_see) return;
#pragma unroll
  for (int r = 0; r < Heads::kOwnRows; ++r) {
    const int64_t visible = g.visible(first_query + Heads::row(r));
    const int64_t left = (visible < g.keys ? visible : g.keys) - first_key;
#pragma unroll
    for (int c = 0; c < Heads::kOwnColumns; ++c) {
      if (Heads::column(c) >= left) scores[r][c] = -INFINITY;
    }
  }
}

// The softmax of rows that come tile by tile. As on the CPU a NaN or plus infinity makes a row NaN, and so does nothing
// but minus infinity.
template <class Heads>
struct RunningSoftmax {
  float top[Heads::kOwnRows], total[Heads::kOwnRows];

  __device__ void clear() {
#pragma unroll
    for (int r = 0; r < Heads::kOwnRows; ++r) {
      top[r] = -INFINITY;
      total[r] = 0;
    }
  }

  // Scores become exp(score - largest so far); returns what earlier results of row r have to be multiplied with.
  __device__ float take(int r, float (&scores)[Heads::kOwnColumns]) {
    float largest = top[r];
#pragma unroll
    for (int c = 0; c < Heads::kOwnColumns; ++c) largest = fmaxf(largest, scores[c]);
    largest = reduce_row<Heads>(largest, LargerOf());
    const float center = largest == -INFINITY ? 0.f : largest;
    const float factor = Heads::exponential(top[r] - center);
    float sum = 0;
#pragma unroll
    for (int c = 0; c < Heads::kOwnColumns; ++c) {
      scores[c] = Heads::exponential(scores[c] - center);
      sum += scores[c];
    }
    total[r] = fmaf(total[r], factor, reduce_row<Heads>(sum, Add()));
    top[r] = largest;
    return factor;
  }
};

inline Grid grid_of(int64_t tiles, int threads, size_t shared_bytes) {
  return {dim3(static_cast<unsigned>(std::min(tiles, kMaxBlocks))), threads, shared_bytes};
}

}  // namespace lmspt::cuda

// The kernels of attention's gradient and their launcher. Two passes, neither of which writes scores: over tiles of
// queries, whose gradients are summed over the keys together with the softmax's sums, then over tiles of keys, whose
// gradients are summed over the queries in order. With p the weights and dp = <gy, v>: ds = p (dp - <gy, y>),
// gq = scale ds k, gk = scale ds^T q, gv = p^T gy. Include only from the files of one precision each.
#pragma once

#include "ops/attention/heads_cuda.h"

namespace lmspt::cuda {

// Of one query: p = exp(score - top) * inverse_sum; along = <gy, y>.
struct QueryStatistics {
  float top, inverse_sum, along;
};

struct AttentionTensors {
  const float *q, *k, *v, *y, *gy;
  float *gq, *gk, *gv;
  QueryStatistics* statistics;  // (B, H, Tq)
  bool by_fours;
};

// ---- kernels ----

// <gy, y> of the thread's rows, in all lanes that share one.
template <class Heads>
__device__ inline void rows_along(const float* gy, const float* y, int64_t stride, int count, int size,
                                  float (&along)[Heads::kOwnRows]) {
#pragma unroll
  for (int r = 0; r < Heads::kOwnRows; ++r) {
    const int row = Heads::row(r);
    float sum = 0;
    for (int i = threadIdx.x % Heads::kRowLanes; row < count && i < size; i += Heads::kRowLanes) {
      sum = fmaf(gy[row * stride + i], y[row * stride + i], sum);
    }
    along[r] = reduce_row<Heads>(sum, Add());
  }
}

// gq and the statistics of a tile of queries.
template <class Heads>
__global__ void __launch_bounds__(Heads::kBlockThreads, Heads::kBlocksAtOnce)
    query_gradients_kernel(const AttentionGeometry g, const AttentionTensors t) {
  using Element = typename Heads::Element;
  Element* const queries = dynamic_shared<Element>();
  Element* const gradients = queries + Heads::kRowTile;
  Element* const keys = gradients + Heads::kRowTile;  // or values
  Element* const weights = keys + Heads::kColumnTile;
  const int size = static_cast<int>(g.size);
  for (int64_t unit = blockIdx.x; unit < QueryTile<Heads>::units(g); unit += gridDim.x) {
    const auto [first, head, item, key_head, count, seen] = QueryTile<Heads>::of(g, unit);
    const int64_t at = g.query_at(item, first, head);
    Heads::template stage<Heads::kRows>(t.q + at, g.query_stride(), count, size, g.scale, t.by_fours, queries);
    Heads::template stage<Heads::kRows>(t.gy + at, g.query_stride(), count, size, 1, t.by_fours, gradients);
    float along[Heads::kOwnRows];
    rows_along<Heads>(t.gy + at, t.y + at, g.query_stride(), count, size, along);
    RunningSoftmax<Heads> softmax;
    softmax.clear();
    float sums[Heads::kOwnRows][Heads::kOwnFeatures];
    clear<Heads>(sums);
    for (int64_t start = 0; start < seen; start += Heads::kColumns) {
      const int64_t left = g.keys - start, key_at = g.key_at(item, start, key_head);
      Heads::template stage<Heads::kColumns>(t.v + key_at, g.key_stride(), left, size, 1, t.by_fours, keys);
      __syncthreads();
      float slopes[Heads::kOwnRows][Heads::kOwnColumns], scores[Heads::kOwnRows][Heads::kOwnColumns];
      Heads::products(gradients, keys, slopes);
      __syncthreads();
      Heads::template stage<Heads::kColumns>(t.k + key_at, g.key_stride(), left, size, 1, t.by_fours, keys);
      __syncthreads();
      Heads::products(queries, keys, scores);
      mask<Heads>(g, first, start, scores);
#pragma unroll
      for (int r = 0; r < Heads::kOwnRows; ++r) {
        scale(softmax.take(r, scores[r]), sums[r]);
#pragma unroll
        for (int c = 0; c < Heads::kOwnColumns; ++c) scores[r][c] *= slopes[r][c] - along[r];
      }
      Heads::add_weighted(scores, weights, keys, sums);
      __syncthreads();
    }
#pragma unroll
    for (int r = 0; r < Heads::kOwnRows; ++r) {
      const int64_t query = first + Heads::row(r);
      if (Heads::row(r) >= count) continue;
      const float inverse_sum = 1 / softmax.total[r];
      scale(inverse_sum * g.scale, sums[r]);
      Heads::store_row(sums[r], size, t.by_fours, t.gq + g.query_at(item, query, head));
      if (threadIdx.x % Heads::kRowLanes == 0) {
        t.statistics[(item * g.heads + head) * g.queries + query] = {softmax.top[r], inverse_sum, along[r]};
      }
    }
  }
}

// Of a product whose rows are keys and whose columns are queries: scores become p, and slopes ds.
template <class Heads>
__device__ inline void differentiate(const AttentionGeometry& g, const QueryStatistics* statistics, int64_t first_key,
                                     int64_t first_query, float (&scores)[Heads::kOwnRows][Heads::kOwnColumns],
                                     float (&slopes)[Heads::kOwnRows][Heads::kOwnColumns]) {
#pragma unroll
  for (int c = 0; c < Heads::kOwnColumns; ++c) {
    const int64_t query = first_query + Heads::column(c);
    const bool exists = query < g.queries;
    const QueryStatistics of_query = exists ? statistics[query] : QueryStatistics{0, 0, 0};
    const int64_t visible = exists ? g.visible(query) - first_key : 0;
#pragma unroll
    for (int r = 0; r < Heads::kOwnRows; ++r) {
      const bool seen = Heads::row(r) < visible;
      const float weight = seen ? Heads::exponential(scores[r][c] - of_query.top) * of_query.inverse_sum : 0.f;
      scores[r][c] = weight;
      slopes[r][c] = seen ? weight * (slopes[r][c] - of_query.along) : 0.f;
    }
  }
}

// gk and gv of a tile of keys: the sum over all queries of all heads that read them.
template <class Heads>
__global__ void __launch_bounds__(Heads::kBlockThreads, Heads::kBlocksAtOnce)
    key_gradients_kernel(const AttentionGeometry g, const AttentionTensors t) {
  using Element = typename Heads::Element;
  Element* const keys = dynamic_shared<Element>();
  Element* const values = keys + Heads::kRowTile;
  Element* const queries = values + Heads::kRowTile;  // times scale
  Element* const gradients = queries + Heads::kColumnTile;
  Element* const weights = gradients + Heads::kColumnTile;
  const int size = static_cast<int>(g.size);
  const int64_t tiles = (g.keys + Heads::kRows - 1) / Heads::kRows, heads = g.batch * g.key_heads;
  for (int64_t unit = blockIdx.x; unit < tiles * heads; unit += gridDim.x) {
    const int64_t first = unit / heads * Heads::kRows;  // tiles that most queries see come first
    const int64_t key_head = unit % heads % g.key_heads, item = unit % heads / g.key_heads;
    const int count = static_cast<int>(g.keys - first < Heads::kRows ? g.keys - first : Heads::kRows);
    const int64_t at = g.key_at(item, first, key_head);
    Heads::template stage<Heads::kRows>(t.k + at, g.key_stride(), count, size, 1, t.by_fours, keys);
    Heads::template stage<Heads::kRows>(t.v + at, g.key_stride(), count, size, 1, t.by_fours, values);
    float key_sums[Heads::kOwnRows][Heads::kOwnFeatures], value_sums[Heads::kOwnRows][Heads::kOwnFeatures];
    clear<Heads>(key_sums);
    clear<Heads>(value_sums);
    // Queries before these do not see the tile.
    const int64_t begin = g.causal && first > g.keys - g.queries ? first - (g.keys - g.queries) : 0;
    for (int64_t head = key_head * g.heads_per_key(); head < (key_head + 1) * g.heads_per_key(); ++head) {
      const QueryStatistics* statistics = t.statistics + (item * g.heads + head) * g.queries;
      for (int64_t start = begin / Heads::kColumns * Heads::kColumns; start < g.queries; start += Heads::kColumns) {
        const int64_t query_at = g.query_at(item, start, head), left = g.queries - start;
        Heads::template stage<Heads::kColumns>(t.q + query_at, g.query_stride(), left, size, g.scale, t.by_fours,
                                               queries);
        Heads::template stage<Heads::kColumns>(t.gy + query_at, g.query_stride(), left, size, 1, t.by_fours, gradients);
        __syncthreads();
        float scores[Heads::kOwnRows][Heads::kOwnColumns], slopes[Heads::kOwnRows][Heads::kOwnColumns];
        Heads::products(keys, queries, scores);
        Heads::products(values, gradients, slopes);
        differentiate<Heads>(g, statistics, first, start, scores, slopes);
        Heads::add_weighted(scores, weights, gradients, value_sums);
        Heads::add_weighted(slopes, weights, queries, key_sums);
        __syncthreads();
      }
    }
#pragma unroll
    for (int r = 0; r < Heads::kOwnRows; ++r) {
      if (Heads::row(r) >= count) continue;
      const int64_t row_at = g.key_at(item, first + Heads::row(r), key_head);
      Heads::store_row(key_sums[r], size, t.by_fours, t.gk + row_at);
      Heads::store_row(value_sums[r], size, t.by_fours, t.gv + row_at);
    }
    __syncthreads();  // where there are no queries, nothing else stands between two tiles
  }
}

// ---- launchers ----

template <class QueryHeads, class KeyHeads>
void launch_attention_grad(const KernelContext& context, const AttentionGeometry& g) {
  const Scratch scratch(context, g.batch * g.heads * g.queries * sizeof(QueryStatistics));
  const AttentionTensors tensors{
      context.in(0).f32(),       context.in(1).f32(),  context.in(2).f32(),
      context.in(3).f32(),       context.in(4).f32(),  context.out(0).f32(),
      context.out(1).f32(),      context.out(2).f32(), static_cast<QueryStatistics*>(scratch.data()),
      reads_by_fours(g, context)};
  constexpr size_t kQueryElements = 2 * QueryHeads::kRowTile + QueryHeads::kColumnTile + QueryHeads::kWeightElements;
  constexpr size_t kKeyElements = 2 * KeyHeads::kRowTile + 2 * KeyHeads::kColumnTile + KeyHeads::kWeightElements;
  static_assert(std::max(kQueryElements, kKeyElements) * sizeof(float) <= 99 * 1024);  // what every GPU has
  const int64_t query_tiles = (g.queries + QueryHeads::kRows - 1) / QueryHeads::kRows;
  const int64_t key_tiles = (g.keys + KeyHeads::kRows - 1) / KeyHeads::kRows;
  launch(context, query_gradients_kernel<QueryHeads>,
         grid_of(query_tiles * g.batch * g.heads, QueryHeads::kBlockThreads, kQueryElements * sizeof(float)), g,
         tensors);
  launch(context, key_gradients_kernel<KeyHeads>,
         grid_of(key_tiles * g.batch * g.key_heads, KeyHeads::kBlockThreads, kKeyElements * sizeof(float)), g, tensors);
}

}  // namespace lmspt::cuda

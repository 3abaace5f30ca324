// Two passes, neither of which writes scores: over tiles of queries, whose gradients are summed over the keys together
// with the softmax's sums, then over tiles of keys, whose gradients are summed over the queries in order. With p the
// weights and dp = <gy, v>: ds = p (dp - <gy, y>), gq = scale ds k, gk = scale ds^T q, gv = p^T gy.
#include "ops/attention/any_size_cuda.h"
#include "ops/attention/grad_cuda.h"
#include "ops/attention/tiles_cuda.h"

namespace lmspt::cuda {

namespace {

// Of one query: p = exp(score - top) * inverse_sum; along = <gy, y>.
struct QueryStatistics {
  float top, inverse_sum, along;
};

struct Tensors {
  const float *q, *k, *v, *y, *gy;
  float *gq, *gk, *gv;
  QueryStatistics* statistics;  // (B, H, Tq)
  bool by_fours;
};

// ---- kernels ----

template <int Size, int Rows>
constexpr size_t query_bytes() {
  using T = Tiles<Size, Rows>;
  return (3 * T::kFloats + T::kWeightFloats) * sizeof(float);
}

template <int Size, int Rows>
constexpr size_t key_bytes() {
  using T = Tiles<Size, Rows>;
  return (4 * T::kFloats + T::kWeightFloats) * sizeof(float);
}

// <gy, y> of the rows of the thread, in all 16 lanes of a row.
template <int Size, int Rows>
__device__ void rows_along(const float* gradients, const float* y, int64_t stride, int64_t count, int size,
                           float (&along)[Rows]) {
  using T = Tiles<Size, Rows>;
  for (int r = 0; r < Rows; ++r) {
    const int row = tile_y() + r * kSide;
    float sum = 0;
    for (int i = tile_x(); row < count && i < size; i += kSide) {
      sum = fmaf(gradients[row * T::kPitch + i], y[row * stride + i], sum);
    }
    along[r] = reduce_row(sum, Add());
  }
}

// gq and the statistics of a tile of queries.
template <int Size, int Rows>
__global__ void __launch_bounds__(kThreads, Size > 128 ? 1 : 2)
    query_gradients_kernel(const AttentionGeometry g, const Tensors t) {
  using T = Tiles<Size, Rows>;
  float* const queries = dynamic_shared<float>();
  float* const gradients = queries + T::kFloats;
  float* const keys = gradients + T::kFloats;  // or values
  float* const weights = keys + T::kFloats;
  const int size = static_cast<int>(g.size);
  const int64_t tiles = (g.queries + T::kRows - 1) / T::kRows, heads = g.batch * g.heads;
  for (int64_t unit = blockIdx.x; unit < tiles * heads; unit += gridDim.x) {
    const int64_t first = (tiles - 1 - unit / heads) * T::kRows;
    const int64_t head = unit % heads % g.heads, item = unit % heads / g.heads;
    const int count = static_cast<int>(g.queries - first < T::kRows ? g.queries - first : T::kRows);
    const int64_t key_head = head / g.heads_per_key(), seen = g.visible(first + count - 1);
    const int64_t at = g.query_at(item, first, head);
    T::stage(t.q + at, g.query_stride(), count, size, g.scale, t.by_fours, queries);
    T::stage(t.gy + at, g.query_stride(), count, size, 1, t.by_fours, gradients);
    __syncthreads();
    float along[Rows];
    rows_along<Size>(gradients, t.y + at, g.query_stride(), count, size, along);
    RunningSoftmax<Rows> softmax;
    softmax.clear();
    float4 sums[Rows][T::kFours];
    T::clear(sums);
    for (int64_t start = 0; start < seen; start += T::kRows) {
      const int64_t left = g.keys - start, key_at = g.key_at(item, start, key_head);
      T::stage(t.v + key_at, g.key_stride(), left, size, 1, t.by_fours, keys);
      __syncthreads();
      float slopes[Rows][Rows], scores[Rows][Rows];
      T::products(gradients, keys, slopes);
      __syncthreads();
      T::stage(t.k + key_at, g.key_stride(), left, size, 1, t.by_fours, keys);
      __syncthreads();
      T::products(queries, keys, scores);
      for (int r = 0; r < Rows; ++r) {
        const int64_t visible = g.visible(first + tile_y() + r * kSide) - start;
        for (int c = 0; c < Rows; ++c) {
          if (tile_x() + c * kSide >= visible || tile_x() + c * kSide >= left) scores[r][c] = -INFINITY;
        }
        T::scale(softmax.take(r, scores[r]), sums[r]);
        for (int c = 0; c < Rows; ++c) scores[r][c] *= slopes[r][c] - along[r];
      }
      T::store_weights(scores, weights);
      T::add_weighted(weights, keys, sums);
      __syncthreads();
    }
    for (int r = 0; r < Rows; ++r) {
      const int row = tile_y() + r * kSide;
      if (row >= count) continue;
      const float inverse_sum = 1 / softmax.total[r];
      T::scale(inverse_sum * g.scale, sums[r]);
      T::store_row(sums[r], size, t.by_fours, t.gq + g.query_at(item, first + row, head));
      if (tile_x() == 0) {
        t.statistics[(item * g.heads + head) * g.queries + first + row] = {softmax.top[r], inverse_sum, along[r]};
      }
    }
  }
}

// Of a product whose rows are keys and whose columns are queries: scores become p, and slopes ds.
template <int Rows>
__device__ void differentiate(const AttentionGeometry& g, const QueryStatistics* statistics, int64_t first_key,
                              int64_t first_query, float (&scores)[Rows][Rows], float (&slopes)[Rows][Rows]) {
  for (int c = 0; c < Rows; ++c) {
    const int64_t query = first_query + tile_x() + c * kSide;
    const bool exists = query < g.queries;
    const QueryStatistics of_query = exists ? statistics[query] : QueryStatistics{0, 0, 0};
    const int64_t visible = exists ? g.visible(query) - first_key : 0;
    for (int r = 0; r < Rows; ++r) {
      const bool seen = tile_y() + r * kSide < visible;
      const float weight = seen ? exp_falling(scores[r][c] - of_query.top) * of_query.inverse_sum : 0.f;
      scores[r][c] = weight;
      slopes[r][c] = seen ? weight * (slopes[r][c] - of_query.along) : 0.f;
    }
  }
}

// gk and gv of a tile of keys: the sum over all queries of all heads that read them.
template <int Size, int Rows>
__global__ void __launch_bounds__(kThreads, Size > 128 ? 1 : 2)
    key_gradients_kernel(const AttentionGeometry g, const Tensors t) {
  using T = Tiles<Size, Rows>;
  float* const keys = dynamic_shared<float>();
  float* const values = keys + T::kFloats;
  float* const queries = values + T::kFloats;  // times scale
  float* const gradients = queries + T::kFloats;
  float* const weights = gradients + T::kFloats;
  const int size = static_cast<int>(g.size);
  const int64_t tiles = (g.keys + T::kRows - 1) / T::kRows, heads = g.batch * g.key_heads;
  for (int64_t unit = blockIdx.x; unit < tiles * heads; unit += gridDim.x) {
    const int64_t first = unit / heads * T::kRows;  // tiles that most queries see come first
    const int64_t key_head = unit % heads % g.key_heads, item = unit % heads / g.key_heads;
    const int count = static_cast<int>(g.keys - first < T::kRows ? g.keys - first : T::kRows);
    const int64_t at = g.key_at(item, first, key_head);
    T::stage(t.k + at, g.key_stride(), count, size, 1, t.by_fours, keys);
    T::stage(t.v + at, g.key_stride(), count, size, 1, t.by_fours, values);
    float4 key_sums[Rows][T::kFours], value_sums[Rows][T::kFours];
    T::clear(key_sums);
    T::clear(value_sums);
    // The first query that sees the tile, and with it a whole tile of queries.
    const int64_t unseeing = g.causal && first > g.keys - g.queries ? first - (g.keys - g.queries) : 0;
    for (int64_t head = key_head * g.heads_per_key(); head < (key_head + 1) * g.heads_per_key(); ++head) {
      const QueryStatistics* statistics = t.statistics + (item * g.heads + head) * g.queries;
      for (int64_t start = unseeing / T::kRows * T::kRows; start < g.queries; start += T::kRows) {
        const int64_t query_at = g.query_at(item, start, head), left = g.queries - start;
        T::stage(t.q + query_at, g.query_stride(), left, size, g.scale, t.by_fours, queries);
        T::stage(t.gy + query_at, g.query_stride(), left, size, 1, t.by_fours, gradients);
        __syncthreads();
        float scores[Rows][Rows], slopes[Rows][Rows];
        T::products(keys, queries, scores);
        T::products(values, gradients, slopes);
        differentiate<Rows>(g, statistics, first, start, scores, slopes);
        T::store_weights(scores, weights);
        T::add_weighted(weights, gradients, value_sums);
        T::store_weights(slopes, weights);
        T::add_weighted(weights, queries, key_sums);
        __syncthreads();
      }
    }
    for (int r = 0; r < Rows; ++r) {
      const int row = tile_y() + r * kSide;
      if (row >= count) continue;
      T::store_row(key_sums[r], size, t.by_fours, t.gk + g.key_at(item, first + row, key_head));
      T::store_row(value_sums[r], size, t.by_fours, t.gv + g.key_at(item, first + row, key_head));
    }
    __syncthreads();  // where there are no queries, nothing else stands between two tiles
  }
}

// ---- launchers ----

template <int Size, int Rows>
void run(const KernelContext& context, const AttentionGeometry& g) {
  const Scratch scratch(context, g.batch * g.heads * g.queries * sizeof(QueryStatistics));
  const Tensors tensors{context.in(0).f32(),       context.in(1).f32(),  context.in(2).f32(),
                        context.in(3).f32(),       context.in(4).f32(),  context.out(0).f32(),
                        context.out(1).f32(),      context.out(2).f32(), static_cast<QueryStatistics*>(scratch.data()),
                        reads_by_fours(g, context)};
  constexpr int kRows = Tiles<Size, Rows>::kRows;
  launch(context, query_gradients_kernel<Size, Rows>,
         grid_of((g.queries + kRows - 1) / kRows * g.batch * g.heads, query_bytes<Size, Rows>()), g, tensors);
  launch(context, key_gradients_kernel<Size, Rows>,
         grid_of((g.keys + kRows - 1) / kRows * g.batch * g.key_heads, key_bytes<Size, Rows>()), g, tensors);
}

}  // namespace

void attention_grad(const KernelContext& context) {
  const AttentionGeometry g = attention_geometry(context.in(0).shape, context.in(1).shape, *context.attrs);
  if (g.size <= 64) return run<64, 4>(context, g);
  if (g.size <= 128) return run<128, 2>(context, g);
  if (g.size <= 256) return run<256, 1>(context, g);
  attention_grad_of_any_size(context, g);
}

}  // namespace lmspt::cuda

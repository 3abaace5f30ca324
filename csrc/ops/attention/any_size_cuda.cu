#include "device/cuda/groups.h"
#include "device/cuda/math.h"
#include "ops/attention/attention_cuda.h"

namespace lmspt::cuda {

namespace {

constexpr int kKeys = kThreads;  // of a tile: one a thread

// Of one query: p = exp(score - top) * inverse_sum; along = <gy, y>.
struct QueryStatistics {
  float top, inverse_sum, along;
};

__device__ float dot(const float* a, const float* b, int64_t size, float factor) {
  float sum = 0;
  for (int64_t i = 0; i < size; ++i) sum = fmaf(factor * a[i], b[i], sum);
  return sum;
}

// Which query a block takes, of (B, Tq, H) in order.
struct Query {
  int64_t item, index, head, key_head;
};

__device__ Query query_of(const AttentionGeometry& g, int64_t unit) {
  const int64_t head = unit % g.heads;
  return {unit / g.heads / g.queries, unit / g.heads % g.queries, head, head / g.heads_per_key()};
}

// ---- kernels ----

// A block takes a query; its threads first have a key each, then a column each. y holds the sums so far.
__global__ void attention_kernel(const AttentionGeometry g, const float* q, const float* k, const float* v, float* y) {
  __shared__ float weights[kKeys];
  for (int64_t unit = blockIdx.x; unit < g.batch * g.queries * g.heads; unit += gridDim.x) {
    const Query of = query_of(g, unit);
    const float* query = q + unit * g.size;
    float* out = y + unit * g.size;
    const int64_t seen = g.visible(of.index);
    float top = -INFINITY, total = 0;
    for (int64_t start = 0; start < seen; start += kKeys) {
      const int count = static_cast<int>(seen - start < kKeys ? seen - start : kKeys);
      const float* key = k + g.key_at(of.item, start + threadIdx.x, of.key_head);
      const float score = static_cast<int>(threadIdx.x) < count ? dot(query, key, g.size, g.scale) : -INFINITY;
      const float largest = fmaxf(top, BlockGroup::reduce(score, LargerOf()));
      const float center = largest == -INFINITY ? 0.f : largest, factor = exp_falling(top - center);
      const float weight = exp_falling(score - center);
      weights[threadIdx.x] = weight;
      total = fmaf(total, factor, BlockGroup::reduce(weight, Add()));
      top = largest;
      const float* values = v + g.key_at(of.item, start, of.key_head);
      for (int64_t i = threadIdx.x; i < g.size; i += blockDim.x) {
        float sum = start == 0 ? 0.f : out[i] * factor;
        for (int j = 0; j < count; ++j) sum = fmaf(weights[j], values[j * g.key_stride() + i], sum);
        out[i] = sum;
      }
      __syncthreads();
    }
    for (int64_t i = threadIdx.x; i < g.size; i += blockDim.x) out[i] *= 1 / total;
  }
}

// gq and the statistics of a query, like the kernel above.
__global__ void query_gradients_kernel(const AttentionGeometry g, const float* q, const float* k, const float* v,
                                       const float* y, const float* gy, float* gq, QueryStatistics* statistics) {
  __shared__ float slopes[kKeys];
  for (int64_t unit = blockIdx.x; unit < g.batch * g.queries * g.heads; unit += gridDim.x) {
    const Query of = query_of(g, unit);
    const float *query = q + unit * g.size, *gradient = gy + unit * g.size;
    float* out = gq + unit * g.size;
    const float along = static_cast<float>(dot_row<BlockGroup>(gradient, y + unit * g.size, g.size));
    const int64_t seen = g.visible(of.index);
    float top = -INFINITY, total = 0;
    for (int64_t start = 0; start < seen; start += kKeys) {
      const int count = static_cast<int>(seen - start < kKeys ? seen - start : kKeys);
      const int64_t key_at = g.key_at(of.item, start + threadIdx.x, of.key_head);
      const bool mine = static_cast<int>(threadIdx.x) < count;
      const float score = mine ? dot(query, k + key_at, g.size, g.scale) : -INFINITY;
      const float largest = fmaxf(top, BlockGroup::reduce(score, LargerOf()));
      const float center = largest == -INFINITY ? 0.f : largest, factor = exp_falling(top - center);
      const float weight = exp_falling(score - center);
      slopes[threadIdx.x] = mine ? weight * (dot(gradient, v + key_at, g.size, 1) - along) : 0.f;
      total = fmaf(total, factor, BlockGroup::reduce(weight, Add()));
      top = largest;
      const float* keys = k + g.key_at(of.item, start, of.key_head);
      for (int64_t i = threadIdx.x; i < g.size; i += blockDim.x) {
        float sum = start == 0 ? 0.f : out[i] * factor;
        for (int j = 0; j < count; ++j) sum = fmaf(slopes[j], keys[j * g.key_stride() + i], sum);
        out[i] = sum;
      }
      __syncthreads();
    }
    for (int64_t i = threadIdx.x; i < g.size; i += blockDim.x) out[i] *= 1 / total * g.scale;
    if (threadIdx.x == 0) statistics[unit] = {top, 1 / total, along};
  }
}

// A block takes a key; its threads first have a query each, then a column each. gk and gv hold the sums so far.
__global__ void key_gradients_kernel(const AttentionGeometry g, const float* q, const float* k, const float* v,
                                     const float* gy, const QueryStatistics* statistics, float* gk, float* gv) {
  __shared__ float weights[kKeys], slopes[kKeys];
  for (int64_t unit = blockIdx.x; unit < g.batch * g.keys * g.key_heads; unit += gridDim.x) {
    const int64_t key_head = unit % g.key_heads, item = unit / g.key_heads / g.keys;
    const int64_t index = unit / g.key_heads % g.keys;
    const float *key = k + unit * g.size, *value = v + unit * g.size;
    float *key_out = gk + unit * g.size, *value_out = gv + unit * g.size;
    for (int64_t i = threadIdx.x; i < g.size; i += blockDim.x) key_out[i] = value_out[i] = 0;
    const int64_t queries = g.heads_per_key() * g.queries;  // of all heads that read the key
    for (int64_t start = 0; start < queries; start += kKeys) {
      const int count = static_cast<int>(queries - start < kKeys ? queries - start : kKeys);
      const auto place_of = [&](int64_t n) {  // among (B, Tq, H)
        return (item * g.queries + n % g.queries) * g.heads + key_head * g.heads_per_key() + n / g.queries;
      };
      float weight = 0, slope = 0;
      const int64_t query = start + threadIdx.x;
      if (static_cast<int>(threadIdx.x) < count && index < g.visible(query % g.queries)) {
        const int64_t place = place_of(query);
        const QueryStatistics of_query = statistics[place];
        weight = exp_falling(dot(q + place * g.size, key, g.size, g.scale) - of_query.top) * of_query.inverse_sum;
        slope = weight * (dot(gy + place * g.size, value, g.size, 1) - of_query.along) * g.scale;
      }
      weights[threadIdx.x] = weight;
      slopes[threadIdx.x] = slope;
      __syncthreads();
      for (int64_t i = threadIdx.x; i < g.size; i += blockDim.x) {
        float key_sum = key_out[i], value_sum = value_out[i];
        for (int n = 0; n < count; ++n) {
          const int64_t at = place_of(start + n) * g.size + i;
          key_sum = fmaf(slopes[n], q[at], key_sum);
          value_sum = fmaf(weights[n], gy[at], value_sum);
        }
        key_out[i] = key_sum;
        value_out[i] = value_sum;
      }
      __syncthreads();
    }
  }
}

}  // namespace

// ---- launchers ----

void attention_of_any_size(const KernelContext& context, const AttentionGeometry& g) {
  launch_blocks(context, attention_kernel, g.batch * g.queries * g.heads, kThreads, g, context.in(0).f32(),
                context.in(1).f32(), context.in(2).f32(), context.out(0).f32());
}

void attention_grad_of_any_size(const KernelContext& context, const AttentionGeometry& g) {
  const Scratch scratch(context, g.batch * g.queries * g.heads * sizeof(QueryStatistics));
  auto* statistics = static_cast<QueryStatistics*>(scratch.data());
  const float *q = context.in(0).f32(), *k = context.in(1).f32(), *v = context.in(2).f32();
  const float *y = context.in(3).f32(), *gy = context.in(4).f32();
  launch_blocks(context, query_gradients_kernel, g.batch * g.queries * g.heads, kThreads, g, q, k, v, y, gy,
                context.out(0).f32(), statistics);
  launch_blocks(context, key_gradients_kernel, g.batch * g.keys * g.key_heads, kThreads, g, q, k, v, gy, statistics,
                context.out(1).f32(), context.out(2).f32());
}

}  // namespace lmspt::cuda

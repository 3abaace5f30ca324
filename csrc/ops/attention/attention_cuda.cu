// Scores are never written: a block takes a tile of queries of one head and goes over the keys tile by tile, with a
// running softmax (Dao et al. 2022). Keys are added in order from the first, so that a query's result depends on its
// keys alone.
#include "ops/attention/any_size_cuda.h"
#include "ops/attention/grad_cuda.h"
#include "ops/attention/tiles_cuda.h"

namespace lmspt::cuda {

namespace {

// ---- kernels ----

template <int Size, int Rows>
constexpr size_t forward_bytes() {
  using T = Tiles<Size, Rows>;
  return (2 * T::kFloats + T::kWeightFloats) * sizeof(float);
}

template <int Size, int Rows>
__global__ void __launch_bounds__(kThreads, Size > 128 ? 1 : 2)
    attention_kernel(const AttentionGeometry g, bool by_fours, const float* q, const float* k, const float* v,
                     float* y) {
  using T = Tiles<Size, Rows>;
  float* const queries = dynamic_shared<float>();
  float* const keys = queries + T::kFloats;  // then values
  float* const weights = keys + T::kFloats;
  const int size = static_cast<int>(g.size);
  const int64_t tiles = (g.queries + T::kRows - 1) / T::kRows, heads = g.batch * g.heads;
  for (int64_t unit = blockIdx.x; unit < tiles * heads; unit += gridDim.x) {
    // Tiles that see most keys come first.
    const int64_t first = (tiles - 1 - unit / heads) * T::kRows;
    const int64_t head = unit % heads % g.heads, item = unit % heads / g.heads;
    const int64_t count = g.queries - first < T::kRows ? g.queries - first : T::kRows;
    const int64_t key_head = head / g.heads_per_key(), seen = g.visible(first + count - 1);
    T::stage(q + g.query_at(item, first, head), g.query_stride(), count, size, g.scale, by_fours, queries);
    RunningSoftmax<Rows> softmax;
    softmax.clear();
    float4 sums[Rows][T::kFours];
    T::clear(sums);
    for (int64_t start = 0; start < seen; start += T::kRows) {
      const int64_t left = g.keys - start;
      T::stage(k + g.key_at(item, start, key_head), g.key_stride(), left, size, 1, by_fours, keys);
      __syncthreads();
      float scores[Rows][Rows];
      T::products(queries, keys, scores);
      __syncthreads();
      T::stage(v + g.key_at(item, start, key_head), g.key_stride(), left, size, 1, by_fours, keys);
      for (int r = 0; r < Rows; ++r) {
        const int64_t visible = g.visible(first + tile_y() + r * kSide) - start;
        for (int c = 0; c < Rows; ++c) {
          if (tile_x() + c * kSide >= visible || tile_x() + c * kSide >= left) scores[r][c] = -INFINITY;
        }
        T::scale(softmax.take(r, scores[r]), sums[r]);
      }
      T::store_weights(scores, weights);
      __syncthreads();
      T::add_weighted(weights, keys, sums);
      __syncthreads();
    }
    for (int r = 0; r < Rows; ++r) {
      const int64_t row = tile_y() + r * kSide;
      if (row >= count) continue;
      T::scale(1 / softmax.total[r], sums[r]);
      T::store_row(sums[r], size, by_fours, y + g.query_at(item, first + row, head));
    }
  }
}

// ---- launchers ----

template <int Size, int Rows>
void run(const KernelContext& context, const AttentionGeometry& g) {
  const int64_t tiles = (g.queries + Tiles<Size, Rows>::kRows - 1) / Tiles<Size, Rows>::kRows;
  launch(context, attention_kernel<Size, Rows>, grid_of(tiles * g.batch * g.heads, forward_bytes<Size, Rows>()), g,
         reads_by_fours(g, context), context.in(0).f32(), context.in(1).f32(), context.in(2).f32(),
         context.out(0).f32());
}

void attention(const KernelContext& context) {
  const AttentionGeometry g = attention_geometry(context.in(0).shape, context.in(1).shape, *context.attrs);
  if (context.out(0).shape.count() == 0) return;
  if (g.size <= 64) return run<64, 4>(context, g);
  if (g.size <= 128) return run<128, 4>(context, g);
  if (g.size <= 256) return run<256, 2>(context, g);
  attention_of_any_size(context, g);
}

}  // namespace

void register_attention_cuda(KernelTable& table) {
  table.add("attention", attention);
  table.add("attention_grad", attention_grad);
}

}  // namespace lmspt::cuda

// The kernel of attention and its launcher. Scores are never written: a block takes a tile of queries of one head and
// goes over the keys tile by tile, with a running softmax (Dao et al. 2022). Keys are added in order from the first, so
// that a query's result depends on its keys alone. Include only from the files of one precision each.
#pragma once

#include "ops/attention/heads_cuda.h"

namespace lmspt::cuda {

// ---- kernels ----

template <class Heads>
__global__ void __launch_bounds__(Heads::kBlockThreads, Heads::kBlocksAtOnce)
    attention_kernel(const AttentionGeometry g, bool by_fours, const float* q, const float* k, const float* v,
                     float* y) {
  using Element = typename Heads::Element;
  Element* const queries = dynamic_shared<Element>();
  Element* const keys = queries + Heads::kRowTile;  // then values
  Element* const weights = keys + Heads::kColumnTile;
  const int size = static_cast<int>(g.size);
  for (int64_t unit = blockIdx.x; unit < QueryTile<Heads>::units(g); unit += gridDim.x) {
    const auto [first, head, item, key_head, count, seen] = QueryTile<Heads>::of(g, unit);
    Heads::template stage<Heads::kRows>(q + g.query_at(item, first, head), g.query_stride(), count, size, g.scale,
                                        by_fours, queries);
    RunningSoftmax<Heads> softmax;
    softmax.clear();
    float sums[Heads::kOwnRows][Heads::kOwnFeatures];
    clear<Heads>(sums);
    for (int64_t start = 0; start < seen; start += Heads::kColumns) {
      const int64_t left = g.keys - start, key_at = g.key_at(item, start, key_head);
      Heads::template stage<Heads::kColumns>(k + key_at, g.key_stride(), left, size, 1, by_fours, keys);
      __syncthreads();
      float scores[Heads::kOwnRows][Heads::kOwnColumns];
      Heads::products(queries, keys, scores);
      __syncthreads();
      Heads::template stage<Heads::kColumns>(v + key_at, g.key_stride(), left, size, 1, by_fours, keys);
      mask<Heads>(g, first, start, scores);
#pragma unroll
      for (int r = 0; r < Heads::kOwnRows; ++r) scale(softmax.take(r, scores[r]), sums[r]);
      __syncthreads();
      Heads::add_weighted(scores, weights, keys, sums);
      __syncthreads();
    }
#pragma unroll
    for (int r = 0; r < Heads::kOwnRows; ++r) {
      if (Heads::row(r) >= count) continue;
      scale(1 / softmax.total[r], sums[r]);
      Heads::store_row(sums[r], size, by_fours, y + g.query_at(item, first + Heads::row(r), head));
    }
  }
}

// ---- launchers ----

template <class Heads>
void launch_attention(const KernelContext& context, const AttentionGeometry& g) {
  constexpr size_t kElements = Heads::kRowTile + Heads::kColumnTile + Heads::kWeightElements;
  const int64_t tiles = (g.queries + Heads::kRows - 1) / Heads::kRows;
  launch(context, attention_kernel<Heads>,
         grid_of(tiles * g.batch * g.heads, Heads::kBlockThreads, kElements * sizeof(typename Heads::Element)), g,
         reads_by_fours(g, context), context.in(0).f32(), context.in(1).f32(), context.in(2).f32(),
         context.out(0).f32());
}

}  // namespace lmspt::cuda

// attention(q, k, v): y[b, i, h] = sum over j of p[j] v[b, j, g], p = softmax over j of scale * <q[b, i, h], k[b, j,
// g]>
//   q (B, Tq, H, D), k and v (B, Tk, G, D), H a multiple of G, g = h / (H / G); y (B, Tq, H, D).
//   scale 0 stands for 1 / sqrt(D). With `causal`, query i sees the keys j <= i + Tk - Tq: both ends are aligned.
//   `precision` is that of both products, on tensor cores; the softmax is float32. The CPU computes all in float32.
// attention_grad(q, k, v, y, gy) gives gq, gk, gv; it computes p again.
#pragma once

#include <math.h>

#include "device/attrs.h"
#include "device/tensor.h"

namespace lmspt {

struct AttentionGeometry {
  int64_t batch, queries, keys, heads, key_heads, size;
  bool causal;
  float scale;

  LMSPT_INLINE_ANYWHERE int64_t heads_per_key() const { return heads / key_heads; }
  LMSPT_INLINE_ANYWHERE int64_t query_stride() const { return heads * size; }
  LMSPT_INLINE_ANYWHERE int64_t key_stride() const { return key_heads * size; }
  LMSPT_INLINE_ANYWHERE int64_t query_at(int64_t item, int64_t i, int64_t head) const {
    return ((item * queries + i) * heads + head) * size;
  }
  LMSPT_INLINE_ANYWHERE int64_t key_at(int64_t item, int64_t j, int64_t key_head) const {
    return ((item * keys + j) * key_heads + key_head) * size;
  }
  // Keys that query i sees: [0, visible(i)).
  LMSPT_INLINE_ANYWHERE int64_t visible(int64_t i) const { return causal ? i + keys - queries + 1 : keys; }
};

LMSPT_INLINE AttentionGeometry attention_geometry(const Shape& q, const Shape& k, const Attrs& attrs) {
  const double scale = attrs.f("scale");
  return {q[0],
          q[1],
          k[1],
          q[2],
          k[2],
          q[3],
          attrs.b("causal"),
          static_cast<float>(scale == 0 ? 1 / ::sqrt(static_cast<double>(q[3])) : scale)};
}

}  // namespace lmspt

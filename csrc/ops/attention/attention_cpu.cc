// A task takes a block of queries of one head. Its scores lie transposed, (keys, queries): queries are vector lanes, so
// that the softmax never crosses lanes, and both products read keys and values as they come.
#include <string.h>

#include "device/cpu/rows.h"
#include "device/cpu/thread_pool.h"
#include "device/kernel.h"
#include "gemm/gemm_cpu.h"
#include "ops/attention/attention.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kQueries = 48;     // queries per block
constexpr int64_t kKeysPerSum = 64;  // keys whose weights are added in one run

int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// ---- kernels ----

// Rows of x as columns of a product, (rows, size) in panels; `panels` has packed_size(rows, size) floats.
Columns rows_as_columns(const float* x, int64_t rows, int64_t stride, int64_t size, float* panels) {
  for (int64_t first = 0; first < size; first += kPanelWidth) {
    float* panel = panels + first * rows;
    for (int64_t row = 0; row < rows; ++row) {
      load_left(x + row * stride + first, size - first).store(panel + row * kPanelWidth);
    }
  }
  return {panels, rows * kPanelWidth};
}

// The same rows transposed and scaled, (size, rows); `panels` has packed_size(size, rows) floats.
Columns rows_transposed(const float* x, int64_t rows, int64_t stride, int64_t size, float scale, float* panels) {
  for (int64_t first = 0; first < rows; first += kPanelWidth) {
    float* panel = panels + first * size;
    for (int64_t i = 0; i < size; ++i) {
      for (int64_t lane = 0; lane < kPanelWidth; ++lane) {
        panel[i * kPanelWidth + lane] = first + lane < rows ? scale * x[(first + lane) * stride + i] : 0;
      }
    }
  }
  return {panels, size * kPanelWidth};
}

// Consecutive queries of one head.
struct Block {
  const AttentionGeometry& g;
  int64_t item, head, first, count;

  int64_t width() const { return round_up(count, kPanelWidth); }
  int64_t keys() const { return g.visible(first + count - 1); }
  int64_t query_at() const { return g.query_at(item, first, head); }

  // out (keys, width) = scale * keys or values times the block's rows of q or gy; `panels` as in rows_transposed.
  void products(const float* keys_or_values, const float* queries, float scale, float* panels, float* out) const {
    const Rows a{keys_or_values + g.key_at(item, 0, head / g.heads_per_key()), g.key_stride(), 1, g.size};
    const Columns b = rows_transposed(queries + query_at(), count, g.query_stride(), g.size, scale, panels);
    gemm(a, keys(), b, width(), 0, panel_count(count), out, width(), {});
  }

  // Scores become exp(score - largest), 0 where the query does not see the key; `inverse_sums` (width).
  void exponentiate(float* scores, float* inverse_sums) const {
    for (int64_t j = g.visible(first); j < keys(); ++j) {
      for (int64_t i = 0; i < count; ++i) {
        if (j >= g.visible(first + i)) scores[j * width() + i] = -INFINITY;
      }
    }
    for (int64_t lane = 0; lane < width(); lane += kLanes) {
      Vec largest = broadcast(-INFINITY), total = broadcast(0);
      for (int64_t j = 0; j < keys(); ++j) largest = max(largest, Vec::load(scores + j * width() + lane));
      for (int64_t start = 0; start < keys(); start += kKeysPerSum) {
        const int64_t end = start + kKeysPerSum < keys() ? start + kKeysPerSum : keys();
        Vec part = broadcast(0);
        for (int64_t j = start; j < end; ++j) {
          float* score = scores + j * width() + lane;
          const Vec weight = exp_falling(Vec::load(score) - largest);
          weight.store(score);
          part = part + weight;
        }
        total = total + part;
      }
      (broadcast(1) / total).store(inverse_sums + lane);
    }
  }
};

struct Forward {
  const KernelContext& context;
  const AttentionGeometry& g;

  int64_t floats() const {
    return packed_size(g.size, kQueries) + g.keys * kQueries + packed_size(g.keys, g.size) + kQueries;
  }

  void run(const Block& block, float* scratch) const {
    float* panels = scratch;
    float* scores = panels + packed_size(g.size, kQueries);
    float* values = scores + g.keys * kQueries;
    float* inverse_sums = values + packed_size(g.keys, g.size);
    block.products(context.in(1).f32(), context.in(0).f32(), g.scale, panels, scores);
    block.exponentiate(scores, inverse_sums);
    const float* v = context.in(2).f32() + g.key_at(block.item, 0, block.head / g.heads_per_key());
    const Columns b = rows_as_columns(v, block.keys(), g.key_stride(), g.size, values);
    float* y = context.out(0).f32() + block.query_at();
    const Rows weights{scores, 1, 1, block.keys(), 0, block.width()};
    gemm(weights, block.count, b, g.size, 0, panel_count(g.size), y, g.query_stride(), {});
    for (int64_t i = 0; i < block.count; ++i) {
      for (int64_t d = 0; d < g.size; ++d) y[i * g.query_stride() + d] *= inverse_sums[i];
    }
  }
};

// With p the weights and dp = <gy, v>: ds = scale p (dp - <gy, y>), gq = ds k, gk = ds^T q, gv = p^T gy.
struct Backward {
  const KernelContext& context;
  const AttentionGeometry& g;

  int64_t floats() const {
    return packed_size(g.keys, g.size) + 2 * g.keys * kQueries + packed_size(g.size, kQueries) +
           packed_size(kQueries, g.size) + 2 * kQueries;
  }

  // One head of keys and values with all the heads and queries that read it, in order.
  void run(int64_t item, int64_t key_head, float* scratch) const {
    const int64_t at = g.key_at(item, 0, key_head);
    const Columns keys = rows_as_columns(context.in(1).f32() + at, g.keys, g.key_stride(), g.size, scratch);
    for (int64_t j = 0; j < g.keys; ++j) {
      for (int output = 1; output < 3; ++output) {
        memset(context.out(output).f32() + at + j * g.key_stride(), 0, g.size * sizeof(float));
      }
    }
    scratch += packed_size(g.keys, g.size);
    for (int64_t head = key_head * g.heads_per_key(); head < (key_head + 1) * g.heads_per_key(); ++head) {
      for (int64_t first = 0; first < g.queries; first += kQueries) {
        const int64_t left = g.queries - first;
        run_block({g, item, head, first, left < kQueries ? left : kQueries}, keys, at, scratch);
      }
    }
  }

  void run_block(const Block& block, const Columns& keys, int64_t key_at, float* scratch) const {
    float* weights = scratch;
    float* slopes = weights + g.keys * kQueries;
    float* transposed = slopes + g.keys * kQueries;
    float* rows = transposed + packed_size(g.size, kQueries);
    float* inverse_sums = rows + packed_size(kQueries, g.size);
    float* along = inverse_sums + kQueries;
    const float *q = context.in(0).f32(), *gy = context.in(4).f32();
    block.products(context.in(1).f32(), q, g.scale, transposed, weights);
    block.exponentiate(weights, inverse_sums);
    block.products(context.in(2).f32(), gy, 1, transposed, slopes);
    differentiate(block, weights, slopes, inverse_sums, along);

    const Rows query_rows{slopes, 1, 1, block.keys(), 0, block.width()};
    gemm(query_rows, block.count, keys, g.size, 0, panel_count(g.size), context.out(0).f32() + block.query_at(),
         g.query_stride(), {});
    add_products(block, slopes, q, rows, context.out(1).f32() + key_at);
    add_products(block, weights, gy, rows, context.out(2).f32() + key_at);
  }

  // Weights are normalised, slopes turn from dp into ds.
  void differentiate(const Block& block, float* weights, float* slopes, const float* inverse_sums, float* along) const {
    const int64_t width = block.width();
    for (int64_t i = 0; i < width; ++i) {
      const int64_t at = block.query_at() + i * g.query_stride();
      along[i] =
          i < block.count ? static_cast<float>(dot_row(context.in(4).f32() + at, context.in(3).f32() + at, g.size)) : 0;
    }
    for (int64_t j = 0; j < block.keys(); ++j) {
      for (int64_t lane = 0; lane < width; lane += kLanes) {
        const int64_t at = j * width + lane;
        const Vec weight = Vec::load(weights + at) * Vec::load(inverse_sums + lane);
        const Vec slope = Vec::load(slopes + at) - Vec::load(along + lane);
        weight.store(weights + at);
        (weight * slope * broadcast(g.scale)).store(slopes + at);
      }
    }
  }

  // gradient (keys, size) += factors (keys, queries) times the block's rows of x.
  void add_products(const Block& block, const float* factors, const float* x, float* panels, float* gradient) const {
    const Rows a{factors, block.width(), 1, block.count};
    const Columns b = rows_as_columns(x + block.query_at(), block.count, g.query_stride(), g.size, panels);
    Epilogue epilogue;
    epilogue.accumulate = true;
    gemm(a, block.keys(), b, g.size, 0, panel_count(g.size), gradient, g.key_stride(), epilogue);
  }
};

// ---- launchers ----

void attention(const KernelContext& context) {
  const AttentionGeometry g = attention_geometry(context.in(0).shape, context.in(1).shape, *context.attrs);
  const Forward forward{context, g};
  const int64_t blocks = (g.queries + kQueries - 1) / kQueries;
  parallel_for(context.pool, g.batch * g.heads * blocks, [&](int64_t task, int worker) {
    auto* scratch = static_cast<float*>(context.pool->scratch(worker, forward.floats() * sizeof(float)));
    const int64_t first = task % blocks * kQueries, left = g.queries - first;
    const int64_t head = task / blocks % g.heads, item = task / blocks / g.heads;
    forward.run({g, item, head, first, left < kQueries ? left : kQueries}, scratch);
  });
}

void attention_grad(const KernelContext& context) {
  const AttentionGeometry g = attention_geometry(context.in(0).shape, context.in(1).shape, *context.attrs);
  const Backward backward{context, g};
  parallel_for(context.pool, g.batch * g.key_heads, [&](int64_t task, int worker) {
    auto* scratch = static_cast<float*>(context.pool->scratch(worker, backward.floats() * sizeof(float)));
    backward.run(task / g.key_heads, task % g.key_heads, scratch);
  });
}

}  // namespace

void register_attention_cpu(KernelTable& table) {
  table.add("attention", attention);
  table.add("attention_grad", attention_grad);
}

}  // namespace lmspt::LMSPT_ISA

#include "device/cpu/rows.h"
#include "device/cpu/thread_pool.h"
#include "device/kernel.h"
#include "gemm/gemm_cpu.h"
#include "ops/linear/linear_bf16.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kRowsPerTask = 96;
constexpr int64_t kBlock = 4096;  // elements that are finished by a task

// C (batch, m, n) = A (batch, m, k) B (batch or 1, k, n) + bias
struct Product {
  const float* a;
  int64_t a_batch, a_row, a_element;  // strides
  const float* b;
  int64_t b_batch;
  const float* bias;
  float* c;
  int64_t batch, m, k, n;
};

// ---- kernels ----

// What fused_linear does with its product, element by element.
struct Finish {
  bool gelu;
  const float *gelu_input, *residual;
  float* before_gelu;

  void run(float* y, int64_t first, int64_t end) const {
    for (int64_t i = first; i < end; i += kLanes) {
      const int64_t left = end - i;
      Vec value = load_left(y + i, left);
      if (before_gelu) store_left(value, before_gelu + i, left);
      if (gelu) value = LMSPT_ISA::gelu(value);
      if (gelu_input) value = gelu_grad(load_left(gelu_input + i, left), value);
      if (residual) value = load_left(residual + i, left) + value;
      store_left(value, y + i, left);
    }
  }
};

// ---- launchers ----

void run_product(ThreadPool* pool, const Product& p) {
  if (p.batch * p.m * p.n == 0) return;
  int64_t rows = (p.batch * p.m + pool->threads() - 1) / pool->threads();
  rows = rows < kRowsPerTask ? rows : kRowsPerTask;
  rows = (rows + kTileRows - 1) / kTileRows * kTileRows;
  const int64_t tiles = (p.m + rows - 1) / rows;
  const int64_t panels = panel_count(p.n);
  int64_t splits = p.batch * tiles >= pool->threads() ? 1 : pool->threads();
  splits = splits < panels ? splits : panels;
  parallel_for(pool, p.batch * tiles * splits, [&](int64_t task, int) {
    const int64_t split = task % splits, tile = task / splits % tiles, item = task / splits / tiles;
    const int64_t first = tile * rows, count = p.m - first < rows ? p.m - first : rows;
    const Rows a{p.a + item * p.a_batch + first * p.a_row, p.a_row, 1, p.k, 0, p.a_element};
    Epilogue epilogue;
    epilogue.bias = p.bias;
    gemm(a, count, {p.b + item * p.b_batch, p.k * kPanelWidth}, p.n, panels * split / splits,
         panels * (split + 1) / splits, p.c + (item * p.m + first) * p.n, p.n, epilogue);
  });
}

void linear(const KernelContext& context) {
  if (context.inputs[1].dtype == DType::i32) return linear_bf16(context);
  const Shape &x = context.inputs[0].shape, &y = context.out(0).shape;
  run_product(context.pool, {context.in(0).f32(), 0, x[-1], 1, context.in(1).f32(), 0, context.in(2).f32(),
                             context.out(0).f32(), 1, x.count_before(x.rank - 1), x[-1], y[-1]});
}

void fused_linear(const KernelContext& context) {
  linear(context);
  const int64_t gelu = context.attrs->i("gelu"), count = context.out(0).shape.count();
  const Finish finish{gelu > 0, context.in(3).f32(), context.in(4).f32(), gelu == 2 ? context.out(1).f32() : nullptr};
  parallel_for(context.pool, (count + kBlock - 1) / kBlock, [&](int64_t block, int) {
    const int64_t first = block * kBlock;
    finish.run(context.out(0).f32(), first, count - first < kBlock ? count : first + kBlock);
  });
}

void matmul(const KernelContext& context) {
  const Shape &a = context.inputs[0].shape, &b = context.inputs[1].shape, &y = context.out(0).shape;
  const bool ta = context.attrs->b("transpose_a");
  const int64_t k = b[2], m = y[-2], n = y[-1];
  int64_t batch = y.count_before(y.rank - 2);
  const bool shared = b[0] == 1;
  const int64_t rows = !ta && shared ? batch * m : m;  // one tall product where b is shared
  if (!ta && shared) batch = 1;
  run_product(context.pool,
              {context.in(0).f32(), a[-2] * a[-1], ta ? 1 : k, ta ? m : 1, context.in(1).f32(),
               shared ? 0 : panel_count(n) * k * kPanelWidth, nullptr, context.out(0).f32(), batch, rows, k, n});
}

void pack_matrix(const KernelContext& context) {
  if (context.out(0).dtype == DType::i32) return pack_matrix_bf16(context);
  const Tensor w = context.in(0);
  const Shape& packed = context.out(0).shape;
  const int64_t panels = packed[1], k = packed[2];
  const bool transposed = context.attrs->b("transposed");
  const int64_t n = transposed ? w.shape[-2] : w.shape[-1];
  const int64_t k_step = transposed ? 1 : n, n_step = transposed ? k : 1;
  parallel_for(context.pool, packed[0] * panels, [&](int64_t task, int) {
    const int64_t first = task % panels * kPanelWidth;
    const float* source = w.f32() + task / panels * k * n + first * n_step;
    float* panel = context.out(0).f32() + task * k * kPanelWidth;
    for (int64_t row = 0; row < k; ++row) {
      for (int64_t lane = 0; lane < kPanelWidth; ++lane) {
        *panel++ = first + lane < n ? source[row * k_step + lane * n_step] : 0;
      }
    }
  });
}

}  // namespace

void register_linear_cpu(KernelTable& table) {
  table.add("linear", linear);
  table.add("fused_linear", fused_linear);
  table.add("matmul", matmul);
  table.add("pack_matrix", pack_matrix);
}

}  // namespace lmspt::LMSPT_ISA

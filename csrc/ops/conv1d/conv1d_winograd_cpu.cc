#include "device/cpu/thread_pool.h"
#include "ops/conv1d/winograd_conv_cpu.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kCacheFloats = 128 * 1024;  // what a task keeps in the second-level cache

// ---- kernels ----

// (O, I, k) -> one point of a panel, rows (group of taps, input channel)
void pack_panel(const float* w, const double* weight, int64_t inputs, int64_t kernel, int64_t columns, float* panel) {
  for (int64_t first = 0; first < kernel; first += kWinogradTaps) {
    for (int64_t i = 0; i < inputs; ++i) {
      for (int64_t n = 0; n < kPanelWidth; ++n) {
        double sum = 0;
        for (int64_t j = 0; j < kWinogradTaps && first + j < kernel && n < columns; ++j) {
          sum += weight[j] * w[(n * inputs + i) * kernel + first + j];
        }
        *panel++ = static_cast<float>(sum);
      }
    }
  }
}

}  // namespace

// ---- launchers ----

void conv1d_winograd(const KernelContext& context) {
  const Tensor x = context.in(0), w = context.in(1), bias = context.in(2), alpha = context.in(3);
  const Tensor residual = context.in(4), y = context.out(0);
  ThreadPool* pool = context.pool;
  const Conv1dGeometry g = conv1d_geometry(x.shape, y.shape, w.shape[2] * kWinogradTaps, *context.attrs);
  const WinogradConv conv(g, w.shape[2], kCacheFloats, 0, pool->threads());
  const int64_t tiles = g.batch * conv.tiles();
  const int64_t splits = panel_splits(tiles, conv.panels(), pool->threads());
  const int64_t front = SnakeScratch::floats(alpha, g.in_channels);
  const size_t bytes = (front + conv.scratch_floats(conv.blocks)) * sizeof(float);
  parallel_for(pool, tiles * splits, [&](int64_t task, int worker) {
    const int64_t split = task % splits, item = task / splits / conv.tiles();
    const int64_t first = task / splits % conv.tiles() * conv.blocks, left = conv.all_blocks() - first;
    float* scratch = static_cast<float*>(pool->scratch(worker, bytes));
    const auto store = [&](int64_t row, int64_t column, Vec value, int64_t columns_left) {
      const int64_t place = (item * g.out_length + row) * g.out_channels + column;
      if (bias) value = value + load_left(bias.f32() + column, columns_left);
      if (residual) value = value + load_left(residual.f32() + place, columns_left);
      store_left(value, y.f32() + place, columns_left);
    };
    conv.run(x.f32() + item * g.in_length * g.in_channels, SnakeScratch::fill(alpha, g.in_channels, scratch), w.f32(),
             first, left < conv.blocks ? left : conv.blocks, conv.panels() * split / splits,
             conv.panels() * (split + 1) / splits, scratch + front, store);
  });
}

void pack_conv1d_winograd(const KernelContext& context) {
  const Tensor w = context.in(0);
  const Shape& packed = context.out(0).shape;
  const int64_t panels = packed[1], inputs = w.shape[1], kernel = w.shape[2];
  const int64_t panel_floats = packed[2] * inputs * kPanelWidth;
  parallel_for(context.pool, kWinogradPoints * panels, [&](int64_t task, int) {
    const int64_t point = task / panels, first = task % panels * kPanelWidth;
    pack_panel(w.f32() + first * inputs * kernel, kWinogradWeight[point], inputs, kernel, w.shape[0] - first,
               context.out(0).f32() + task * panel_floats);
  });
}

}  // namespace lmspt::LMSPT_ISA

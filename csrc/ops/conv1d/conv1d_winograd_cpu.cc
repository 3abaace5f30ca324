#include "device/cpu/thread_pool.h"
#include "ops/conv1d/winograd_conv_cpu.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kCacheFloats = 128 * 1024;  // what a task keeps in the second-level cache

// ---- kernels ----

// Taps of one input for sixteen outputs -> its row in the panels of all points, each of them `plane` floats further on.
LMSPT_INLINE void transform_weights(const float (*taps)[kLanes], int64_t kernel, int64_t inputs, float* panel,
                                    int64_t plane) {
  for (int64_t first = 0; first < kernel; first += kWinogradTaps, panel += inputs * kPanelWidth) {
    const int64_t count = kernel - first < kWinogradTaps ? kernel - first : kWinogradTaps;
    for (int point = 0; point < kWinogradPoints; ++point) {
      double sums[kLanes] = {};
      for (int64_t j = 0; j < count; ++j) {
        for (int n = 0; n < kLanes; ++n) sums[n] += kWinogradWeight[point][j] * taps[first + j][n];
      }
      for (int n = 0; n < kLanes; ++n) panel[point * plane + n] = static_cast<float>(sums[n]);
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
  const Conv1dWeights w = conv1d_weights(context);
  const int64_t panels = panel_count(w.outputs), panel_floats = winograd_groups(w.taps) * w.inputs * kPanelWidth;
  parallel_for(context.pool, panels, [&](int64_t panel, int worker) {
    auto* taps = static_cast<float (*)[kLanes]>(context.pool->scratch(worker, w.taps * kLanes * sizeof(float)));
    for (int64_t i = 0; i < w.inputs; ++i) {
      w.load(panel * kPanelWidth, i, taps);
      transform_weights(taps, w.taps, w.inputs, context.out(0).f32() + panel * panel_floats + i * kPanelWidth,
                        panels * panel_floats);
    }
  });
}

}  // namespace lmspt::LMSPT_ISA

// conv1d by the fast algorithm of winograd.h. A task takes some blocks of one item: their rows are staged (Snake
// applied), transformed, multiplied point by point with a few panels of weights, and transformed back, all in cache.
#include "device/cpu/thread_pool.h"
#include "gemm/gemm_cpu.h"
#include "ops/conv1d/conv1d_cpu.h"
#include "ops/conv1d/winograd_cpu.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kCacheFloats = 128 * 1024;  // what a task keeps in the second-level cache
constexpr int64_t kMostPanels = 4;            // multiplied before the output transform

// ---- kernels ----

struct WinogradConv {
  Conv1dGeometry g;
  int64_t groups;  // of taps
  int64_t blocks;  // per task

  int64_t panels() const { return panel_count(g.out_channels); }
  int64_t block_rows() const { return kWinogradOutputs * g.dilation; }
  int64_t all_blocks() const { return (g.out_length + block_rows() - 1) / block_rows(); }
  int64_t tiles() const { return (all_blocks() + blocks - 1) / blocks; }

  // Scratch of a task for n blocks, in floats.
  int64_t staged_rows(int64_t n) const {
    return (kWinogradOutputs * (n + groups - 1) + kWinogradTaps - 1) * g.dilation;
  }
  int64_t input_plane(int64_t n) const { return (n + groups - 1) * g.dilation * g.in_channels; }
  int64_t output_plane(int64_t n) const { return n * g.dilation * kMostPanels * kPanelWidth; }
  int64_t scratch_floats(int64_t n) const {
    return round_up(staged_rows(n) * g.in_channels, kLanes) + round_up(kWinogradPoints * input_plane(n), kLanes) +
           kWinogradPoints * output_plane(n);
  }

  // As many blocks as the cache holds, but enough tasks for the threads where there are blocks for it.
  static WinogradConv plan(const Conv1dGeometry& g, int64_t groups, int threads) {
    WinogradConv conv{g, groups, 1};
    const int64_t step = kTileRows / 2;  // of rows of a product: a multiple wastes nothing
    const auto fits = [&](int64_t n) { return conv.scratch_floats(n) <= kCacheFloats; };
    int64_t rows = step;
    while (rows < 18 * step && fits((rows + step) / g.dilation)) rows += step;
    conv.blocks = rows / g.dilation < 1 ? 1 : rows / g.dilation;
    const int64_t share = (g.batch * conv.all_blocks() + threads - 1) / threads;
    if (conv.blocks > share) conv.blocks = share;
    return conv;
  }

  // staged rows -> v, planes of (n + groups - 1) * dilation rows
  void transform_input(const float* staged, int64_t n, float* v) const {
    const int64_t channels = g.in_channels, plane = input_plane(n), step = g.dilation * channels;
    for (int64_t block = 0; block < n + groups - 1; ++block) {
      for (int64_t phase = 0; phase < g.dilation; ++phase) {
        const float* source = staged + (kWinogradOutputs * block * g.dilation + phase) * channels;
        float* target = v + (block * g.dilation + phase) * channels;
        for (int64_t c = 0; c < channels; c += kLanes) {
          Vec x[kWinogradPoints], transformed[kWinogradPoints];
          const int64_t left = channels - c;
          for (int j = 0; j < kWinogradPoints; ++j) x[j] = load_left(source + j * step + c, left);
          winograd_input(x, transformed);
          for (int p = 0; p < kWinogradPoints; ++p) store_left(transformed[p], target + p * plane + c, left);
        }
      }
    }
  }

  // m, planes of n * dilation rows and `columns` columns -> rows of y from `first` on, columns from `column` on
  void transform_output(const KernelContext& context, const float* m, int64_t columns, int64_t plane, int64_t item,
                        int64_t first_block, int64_t n, int64_t column) const {
    const int64_t end = column + columns < g.out_channels ? column + columns : g.out_channels;
    const Tensor bias = context.in(2), residual = context.in(4);
    for (int64_t row = 0; row < n * g.dilation; ++row) {
      const int64_t block = first_block + row / g.dilation, phase = row % g.dilation;
      const int64_t t = kWinogradOutputs * block * g.dilation + phase;
      for (int64_t at = column; at < end; at += kLanes) {
        const int64_t left = end - at;
        Vec products[kWinogradPoints], y[kWinogradOutputs];
        for (int p = 0; p < kWinogradPoints; ++p) products[p] = Vec::load(m + p * plane + row * columns + at - column);
        winograd_output(products, y);
        const Vec shift = bias ? load_left(bias.f32() + at, left) : broadcast(0);
        for (int j = 0; j < kWinogradOutputs; ++j) {
          const int64_t row_of_y = t + j * g.dilation;
          if (row_of_y >= g.out_length) break;
          const int64_t place = (item * g.out_length + row_of_y) * g.out_channels + at;
          Vec value = y[j] + shift;
          if (residual) value = value + load_left(residual.f32() + place, left);
          store_left(value, context.out(0).f32() + place, left);
        }
      }
    }
  }

  void task(const KernelContext& context, const SnakeParameters& snake_parameters, int64_t item, int64_t first_block,
            int64_t first_panel, int64_t last_panel, float* scratch) const {
    const int64_t left = all_blocks() - first_block, n = left < blocks ? left : blocks;
    float* v = scratch + round_up(staged_rows(n) * g.in_channels, kLanes);
    float* m = v + round_up(kWinogradPoints * input_plane(n), kLanes);
    stage_rows(context.in(0).f32() + item * g.in_length * g.in_channels, g.in_length, g.in_channels,
               first_block * block_rows() - g.pad_left, staged_rows(n), snake_parameters, scratch);
    transform_input(scratch, n, v);
    const int64_t k = groups * g.in_channels;
    const int64_t point_stride = panels() * k * kPanelWidth;
    for (int64_t panel = first_panel; panel < last_panel;) {
      const int64_t count = gemm_panels(last_panel - panel), columns = count * kPanelWidth;
      const int64_t plane = n * g.dilation * columns;
      for (int p = 0; p < kWinogradPoints; ++p) {
        const Rows a{v + p * input_plane(n), g.in_channels, groups, g.in_channels, g.dilation * g.in_channels};
        const Columns b{context.in(1).f32() + p * point_stride, k * kPanelWidth};
        gemm(a, n * g.dilation, b, (panel + count) * kPanelWidth, panel, panel + count,
             m + p * plane - panel * kPanelWidth, columns, {});
      }
      transform_output(context, m, columns, plane, item, first_block, n, panel * kPanelWidth);
      panel += count;
    }
  }
};

// (O, I, k) -> point p of the panel: rows (group of taps, input channel)
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
  const Tensor x = context.in(0), w = context.in(1), alpha = context.in(3);
  ThreadPool* pool = context.pool;
  const Conv1dGeometry g = conv1d_geometry(x.shape, context.out(0).shape, w.shape[2] * kWinogradTaps, *context.attrs);
  const WinogradConv conv = WinogradConv::plan(g, w.shape[2], pool->threads());
  const int64_t tiles = g.batch * conv.tiles();
  const int64_t splits = panel_splits(tiles, conv.panels(), pool->threads());
  const int64_t front = SnakeScratch::floats(alpha, g.in_channels);
  const size_t bytes = (front + conv.scratch_floats(conv.blocks)) * sizeof(float);
  parallel_for(pool, tiles * splits, [&](int64_t task, int worker) {
    const int64_t split = task % splits, tile = task / splits % conv.tiles(), item = task / splits / conv.tiles();
    float* scratch = static_cast<float*>(pool->scratch(worker, bytes));
    conv.task(context, SnakeScratch::fill(alpha, g.in_channels, scratch), item, tile * conv.blocks,
              conv.panels() * split / splits, conv.panels() * (split + 1) / splits, scratch + front);
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

#include "ops/conv1d/conv1d_cpu.h"

#include "device/cpu/thread_pool.h"
#include "device/kernel.h"
#include "gemm/gemm_cpu.h"
#include "gemm/lanes_cpu.h"
#include "ops/conv1d/conv1d_bf16.h"
#include "ops/conv1d/items_cpu.h"
#include "ops/snake/snake_cpu.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kStagedBytes = 256 * 1024;  // a staged tile should stay in the second-level cache
constexpr int64_t kMostRows = 768;

// ---- kernels ----

// Output rows per tile: as many as the cache allows, but enough tiles for the threads where there are rows for it.
int64_t tile_rows(const Conv1dGeometry& g, int threads) {
  int64_t rows = kStagedBytes / sizeof(float) / (g.in_channels * g.stride);
  rows = rows < kMostRows ? rows : kMostRows;
  const int64_t share = (g.batch * g.out_length + threads - 1) / threads;
  rows = rows < share ? rows : share;
  return round_up(rows < 1 ? 1 : rows, kTileRows);
}

void conv1d_tile(const KernelContext& context, const Conv1dGeometry& g, const SnakeParameters& snake_parameters,
                 int64_t item, int64_t first, int64_t rows, int64_t first_panel, int64_t last_panel, float* staged) {
  const float* x = context.in(0).f32() + item * g.in_length * g.in_channels;
  const int64_t in_first = first * g.stride - g.pad_left;
  const int64_t in_rows = (rows - 1) * g.stride + (g.kernel - 1) * g.dilation + 1;
  const float* source = x + in_first * g.in_channels;
  if (snake_parameters.alpha || in_first < 0 || in_first + in_rows > g.in_length) {
    stage_rows(x, g.in_length, g.in_channels, in_first, in_rows, snake_parameters, staged);
    source = staged;
  }
  const int64_t k = g.kernel * g.group_in();
  const int64_t panels = panel_count(g.group_out());
  const bool joined = g.groups == 1 && g.dilation == 1;  // the taps of a row form one run
  for (int64_t group = 0; group < g.groups; ++group) {
    Rows a{source + group * g.group_in(), g.stride * g.in_channels, joined ? 1 : g.kernel,
           joined ? g.kernel * g.in_channels : g.group_in(), g.dilation * g.in_channels};
    const Columns b{context.in(1).f32() + group * panels * k * kPanelWidth, k * kPanelWidth};
    const int64_t at = (item * g.out_length + first) * g.out_channels + group * g.group_out();
    Epilogue epilogue;
    if (context.in(2)) epilogue.bias = context.in(2).f32() + group * g.group_out();
    if (context.in(4)) epilogue.residual = context.in(4).f32() + at;
    epilogue.residual_stride = g.out_channels;
    gemm(a, rows, b, g.group_out(), first_panel, last_panel, context.out(0).f32() + at, g.out_channels, epilogue);
  }
}

// w (C, 1, k): y[t, c] = bias[c] + sum over j of w[c, j] x[t * stride + j * dilation - pad_left, c]
void depthwise_row(const KernelContext& context, const Conv1dGeometry& g, const SnakeParameters& snake_parameters,
                   int64_t item, int64_t t, float* staged) {
  const int64_t channels = g.in_channels;
  const float* x = context.in(0).f32() + item * g.in_length * channels;
  float* y = context.out(0).f32() + (item * g.out_length + t) * channels;
  const float* w = context.in(1).f32();
  for (int64_t c = 0; c < channels; ++c) y[c] = 0;
  for (int64_t j = 0; j < g.kernel; ++j) {
    const int64_t row = t * g.stride + j * g.dilation - g.pad_left;
    if (row < 0 || row >= g.in_length) continue;
    const float* source = x + row * channels;
    if (snake_parameters.alpha) {
      snake_row(source, channels, snake_parameters, staged);
      source = staged;
    }
    for (int64_t c = 0; c < channels; ++c) y[c] = __builtin_fmaf(w[c * g.kernel + j], source[c], y[c]);
  }
  const Tensor bias = context.in(2), residual = context.in(4);
  for (int64_t c = 0; c < channels; ++c) {
    if (bias) y[c] += bias.f32()[c];
    if (residual) y[c] += residual.f32()[(item * g.out_length + t) * channels + c];
  }
}

// ---- launchers ----

void conv1d(const KernelContext& context) {
  if (context.in(kConvEnds)) return for_each_item(context, kConvEnds, kConvResidual, 0, conv1d);
  const Tensor x = context.in(0), w = context.in(1), alpha = context.in(3);
  const Tensor& y = context.out(0);
  const bool packed = w.shape.rank == 5;
  const Conv1dGeometry g = conv1d_geometry(x.shape, y.shape, w.shape[2], *context.attrs);
  if (y.shape.count() == 0) return;
  if (w.dtype == DType::i32) return conv1d_bf16(context);
  if (packed && context.attrs->b("winograd")) return conv1d_winograd(context);
  if (!packed && g.groups == 1) return conv1d_narrow(context);
  ThreadPool* pool = context.pool;
  const int64_t front = SnakeScratch::floats(alpha, g.in_channels);
  if (!packed) {
    parallel_for(pool, g.batch * g.out_length, [&](int64_t row, int worker) {
      float* scratch = static_cast<float*>(pool->scratch(worker, (front + g.in_channels) * sizeof(float)));
      depthwise_row(context, g, SnakeScratch::fill(alpha, g.in_channels, scratch), row / g.out_length,
                    row % g.out_length, scratch + front);
    });
    return;
  }
  const int64_t rows = tile_rows(g, pool->threads());
  const int64_t tiles = (g.out_length + rows - 1) / rows;
  const int64_t panels = panel_count(g.group_out());
  const int64_t splits = panel_splits(g.batch * tiles, panels, pool->threads());
  const int64_t most = (rows - 1) * g.stride + (g.kernel - 1) * g.dilation + 1;
  parallel_for(pool, g.batch * tiles * splits, [&](int64_t task, int worker) {
    const int64_t split = task % splits, tile = task / splits % tiles, item = task / splits / tiles;
    const int64_t first = tile * rows;
    const int64_t count = g.out_length - first < rows ? g.out_length - first : rows;
    float* scratch = static_cast<float*>(pool->scratch(worker, (front + most * g.in_channels) * sizeof(float)));
    conv1d_tile(context, g, SnakeScratch::fill(alpha, g.in_channels, scratch), item, first, count,
                panels * split / splits, panels * (split + 1) / splits, scratch + front);
  });
}

void pack_transposed(const KernelContext& context) {
  const Conv1dWeights w = conv1d_weights(context);
  parallel_for(context.pool, panel_count(w.outputs), [&](int64_t panel, int worker) {
    auto* taps = static_cast<float (*)[kLanes]>(context.pool->scratch(worker, w.taps * kLanes * sizeof(float)));
    float* out = context.out(0).f32() + panel * w.taps * w.inputs * kPanelWidth;
    for (int64_t i = 0; i < w.inputs; ++i) {
      w.load(panel * kPanelWidth, i, taps);
      for (int64_t j = 0; j < w.taps; ++j) Vec::load(taps[j]).store(out + (j * w.inputs + i) * kPanelWidth);
    }
  });
}

void pack_conv1d(const KernelContext& context) {
  if (context.out(0).dtype == DType::i32) return pack_conv1d_bf16(context);
  if (context.attrs->b("winograd")) return pack_conv1d_winograd(context);
  const Tensor w = context.in(0);
  const Shape& packed = context.out(0).shape;
  const int64_t groups = packed[0], panels = packed[1], kernel = packed[2], group_in = packed[3];
  if (context.attrs->b("transposed")) return pack_transposed(context);
  const int64_t group_out = w.shape[0] / groups;
  parallel_for(context.pool, groups * panels, [&](int64_t task, int) {
    const int64_t group = task / panels, first = task % panels * kPanelWidth;
    const float* source = w.f32() + (group * group_out + first) * group_in * kernel;
    pack_panel(source, group_in, kernel, group_out - first,
               context.out(0).f32() + task * kernel * group_in * kPanelWidth);
  });
}

}  // namespace

void register_conv1d_cpu(KernelTable& table) {
  table.add("conv1d", then_snake<conv1d, kConvNextAlpha>);
  table.add("pack_conv1d", pack_conv1d);
  table.add("conv1d_weight_grad", conv1d_weight_grad);
  table.add("fused_residual_unit", then_snake<fused_residual_unit, kUnitNextAlpha>);
}

}  // namespace lmspt::LMSPT_ISA

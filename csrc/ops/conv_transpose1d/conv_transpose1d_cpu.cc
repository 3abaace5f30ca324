#include "device/cpu/thread_pool.h"
#include "device/kernel.h"
#include "gemm/gemm_cpu.h"
#include "gemm/lanes_cpu.h"
#include "ops/conv1d/items_cpu.h"
#include "ops/conv1d/stage_cpu.h"
#include "ops/conv_transpose1d/conv_transpose1d.h"
#include "ops/conv_transpose1d/conv_transpose1d_bf16.h"
#include "ops/snake/snake_cpu.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kStagedBytes = 128 * 1024;

int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// ---- kernels ----

struct Transposed {
  const KernelContext& context;
  const ConvTranspose1dGeometry& g;

  // Row groups [first, first + rows) of one item and one range of panels.
  void tile(int64_t item, int64_t first, int64_t rows, int64_t first_panel, int64_t last_panel, float* scratch) const {
    const int64_t in_rows = rows + (g.taps - 1) * g.dilation;
    float* staged = scratch;
    float* bias = staged + round_up(in_rows * g.in_channels, 16);
    float* block = bias + round_up(g.columns(), 16);
    const float* x = context.in(0).f32() + item * g.in_length * g.in_channels;
    const int64_t in_first = first - (g.taps - 1) * g.dilation;
    const float* source = x + in_first * g.in_channels;
    if (in_first < 0 || in_first + in_rows > g.in_length) {
      stage_rows(x, g.in_length, g.in_channels, in_first, in_rows, {}, staged);
      source = staged;
    }
    const int64_t k = g.taps * g.group_in();
    const int64_t panels = panel_count(g.columns());
    const bool joined = g.groups == 1 && g.dilation == 1;
    for (int64_t group = 0; group < g.groups; ++group) {
      const Rows a{source + group * g.group_in(), g.in_channels, joined ? 1 : g.taps, joined ? k : g.group_in(),
                   g.dilation * g.in_channels};
      const Columns b{context.in(1).f32() + group * panels * k * kPanelWidth, k * kPanelWidth};
      Epilogue epilogue;
      if (context.in(2)) {
        for (int64_t n = 0; n < g.columns(); ++n) {
          bias[n] = context.in(2).f32()[group * g.group_out() + n % g.group_out()];
        }
        epilogue.bias = bias;
      }
      // With one group, a row of the product is `stride` rows of y. A tile with rows that y cuts goes through the block
      // as a whole: calls for single rows would read all weights again.
      const int64_t out_first = first * g.stride - g.pad_left;
      const bool in_place = g.groups == 1 && out_first >= 0 && out_first + rows * g.stride <= g.out_length;
      float* y = context.out(0).f32() + item * g.out_length * g.out_channels;
      float* c = in_place ? y + out_first * g.out_channels : block;
      gemm(a, rows, b, g.columns(), first_panel, last_panel, c, g.columns(), epilogue);
      if (in_place) continue;
      const int64_t last_column = last_panel * kPanelWidth < g.columns() ? last_panel * kPanelWidth : g.columns();
      scatter(item, first, rows, group, first_panel * kPanelWidth, last_column, block);
    }
  }

  // Columns [begin, end) of the block to their output rows, what was trimmed left out.
  void scatter(int64_t item, int64_t first, int64_t rows, int64_t group, int64_t begin, int64_t end,
               const float* block) const {
    float* y = context.out(0).f32() + item * g.out_length * g.out_channels + group * g.group_out();
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t n = begin; n < end;) {
        const int64_t phase = n / g.group_out(), channel = n % g.group_out();
        const int64_t left = g.group_out() - channel;
        const int64_t run = left < end - n ? left : end - n;
        const int64_t t = (first + row) * g.stride + phase - g.pad_left;
        if (t >= 0 && t < g.out_length) {
          std::memcpy(y + t * g.out_channels + channel, block + row * g.columns() + n, run * sizeof(float));
        }
        n += run;
      }
    }
  }
};

// Packed column p * O + o, tap r from the oldest row: w[i, o, p + (taps - 1 - r) * stride], zero beyond the kernel.
void pack_panel(const float* w, int64_t group_in, int64_t group_out, int64_t kernel, int64_t taps, int64_t stride,
                int64_t first, float* panel) {
  for (int64_t r = 0; r < taps; ++r) {
    for (int64_t i = 0; i < group_in; ++i) {
      for (int64_t lane = 0; lane < kPanelWidth; ++lane) {
        const int64_t n = first + lane, phase = n / group_out, o = n % group_out;
        const int64_t j = phase + (taps - 1 - r) * stride;
        *panel++ = phase < stride && j < kernel ? w[(i * group_out + o) * kernel + j] : 0;
      }
    }
  }
}

// The same for whole panels of outputs, one input at a time: reads and writes whole cache lines. Rows of the packed
// form are `step` floats apart from panel to panel.
void pack_input(const float* w, int64_t group_in, int64_t group_out, int64_t kernel, int64_t stride, float* packed,
                int64_t step) {
  Lanes lanes;
  const int64_t taps = kernel / stride, panels = group_out / kPanelWidth;
  for (int64_t panel = 0; panel < panels; ++panel) {
    lanes.load(w + panel * kPanelWidth * kernel, kernel, kPanelWidth, kernel);
    for (int64_t j = 0; j < kernel; ++j) {
      const int64_t phase = j % stride, r = taps - 1 - j / stride;
      Vec::load(lanes.values[j]).store(packed + (phase * panels + panel) * step + r * group_in * kPanelWidth);
    }
  }
}

// ---- launchers ----

void conv_transpose1d(const KernelContext& context) {
  if (context.in(kTransposeEnds)) return for_each_item(context, kTransposeEnds, -1, 0, conv_transpose1d);
  const Tensor x = context.in(0), w = context.in(1);
  const Shape& y = context.out(0).shape;
  if (y.count() == 0) return;
  if (w.dtype == DType::i32) return conv_transpose1d_bf16(context);
  const Attrs& attrs = *context.attrs;
  const ConvTranspose1dGeometry g{
      x.shape[0],          x.shape[1],        x.shape[2],         y[1], y[2], w.shape[2], attrs.i("stride"),
      attrs.i("dilation"), attrs.i("groups"), attrs.i("pad_left")};
  const Transposed transposed{context, g};
  ThreadPool* pool = context.pool;
  // Every output row belongs to one row group; those past the last row of x are all zeros plus bias.
  const int64_t first_group = g.pad_left / g.stride;  // earlier ones are trimmed
  const int64_t row_groups = (g.out_length + g.pad_left + g.stride - 1) / g.stride - first_group;
  int64_t rows = kStagedBytes / sizeof(float) / g.in_channels;
  const int64_t share = (g.batch * row_groups + pool->threads() - 1) / pool->threads();
  rows = rows < share ? rows : share;
  rows = round_up(rows < 1 ? 1 : rows, kTileRows);
  const int64_t tiles = (row_groups + rows - 1) / rows;
  const int64_t panels = panel_count(g.columns());
  int64_t splits = g.batch * tiles >= pool->threads() ? 1 : pool->threads();
  splits = splits < panels ? splits : panels;
  const int64_t floats =
      round_up((rows + (g.taps - 1) * g.dilation) * g.in_channels, 16) + round_up(g.columns(), 16) + rows * g.columns();
  parallel_for(pool, g.batch * tiles * splits, [&](int64_t task, int worker) {
    const int64_t split = task % splits, tile = task / splits % tiles, item = task / splits / tiles;
    const int64_t first = tile * rows;
    const int64_t count = row_groups - first < rows ? row_groups - first : rows;
    float* scratch = static_cast<float*>(pool->scratch(worker, floats * sizeof(float)));
    transposed.tile(item, first_group + first, count, panels * split / splits, panels * (split + 1) / splits, scratch);
  });
}

void pack_conv_transpose1d(const KernelContext& context) {
  if (context.out(0).dtype == DType::i32) return pack_conv_transpose1d_bf16(context);
  const Tensor w = context.in(0);
  const Shape& packed = context.out(0).shape;
  const int64_t panels = packed[1], taps = packed[2], group_in = packed[3];
  const int64_t group_out = w.shape[1], kernel = w.shape[2], stride = context.attrs->i("stride");
  if (group_out % kPanelWidth == 0 && kernel % stride == 0 && kernel <= Lanes::kMost) {
    const int64_t step = taps * group_in * kPanelWidth;
    return parallel_for(context.pool, w.shape[0], [&](int64_t i, int) {
      float* group = context.out(0).f32() + i / group_in * panels * step;
      pack_input(w.f32() + i * group_out * kernel, group_in, group_out, kernel, stride,
                 group + i % group_in * kPanelWidth, step);
    });
  }
  parallel_for(context.pool, packed[0] * panels, [&](int64_t task, int) {
    pack_panel(w.f32() + task / panels * group_in * group_out * kernel, group_in, group_out, kernel, taps, stride,
               task % panels * kPanelWidth, context.out(0).f32() + task * taps * group_in * kPanelWidth);
  });
}

}  // namespace

void register_conv_transpose1d_cpu(KernelTable& table) {
  table.add("conv_transpose1d", then_snake<conv_transpose1d, kTransposeNextAlpha>);
  table.add("pack_conv_transpose1d", pack_conv_transpose1d);
}

}  // namespace lmspt::LMSPT_ISA

// Outputs are computed in strips along the longer spatial dimension: a strip is one product whose rows overlap, with a
// run for every row of the kernel.
#include "ops/conv2d/conv2d_cpu.h"

#include "device/cpu/rows.h"
#include "device/cpu/thread_pool.h"
#include "device/kernel.h"
#include "gemm/gemm_cpu.h"
#include "gemm/lanes_cpu.h"
#include "ops/conv2d/window_cpu.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kStagedFloats = 64 * 1024;  // a staged window should stay in the second-level cache
constexpr int64_t kPanelsAtOnce = 6;          // panels of weights that stay in a cache from strip to strip
constexpr int64_t kFinished = 4096;           // elements per task, where something follows the sums

int64_t round_up(int64_t value, int64_t step) { return (value + step - 1) / step * step; }
int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// ---- kernels ----

// The convolution of a batch, without its padding and strides: y may be spread out in a larger tensor.
struct Correlation {
  Image image;  // of item 0
  int64_t batch, item_in, item_out;
  const float* panels;
  int64_t channels_out;
  const float* bias;
  float* y;                 // the first output of item 0
  int64_t y_row, y_column;  // floats between neighbours along h and w

  bool along_h() const { return image.h.out > image.w.out; }
  bool is_empty() const { return image.h.taps * image.w.taps == 0; }
  int64_t staged_floats(int64_t height, int64_t width) const {
    return is_empty() ? 0 : image.staged_floats(height, width);
  }

  void run(int64_t item, const Rectangle& outputs, int64_t first_panel, int64_t last_panel, float* scratch) const {
    Image source = image;
    source.x += item * item_in;
    const Window window = is_empty() ? Window{source.x, 0, 0} : source.window(outputs, scratch);
    const int64_t strips = along_h() ? outputs.width : outputs.height;
    for (int64_t panel = first_panel; panel < last_panel; panel += kPanelsAtOnce) {
      const int64_t end = smaller(panel + kPanelsAtOnce, last_panel);
      for (int64_t strip = 0; strip < strips; ++strip) run_strip(item, window, outputs, strip, panel, end);
    }
  }

 private:
  void run_strip(int64_t item, const Window& window, const Rectangle& outputs, int64_t strip, int64_t first_panel,
                 int64_t last_panel) const {
    const int64_t row_step = image.h.stride * window.row_stride;
    const int64_t run = image.w.taps * image.channels, runs = run == 0 ? 0 : image.h.taps;
    const Rows a{window.data + strip * (along_h() ? window.column_step : row_step),
                 along_h() ? row_step : window.column_step, runs, run, image.h.dilation * window.row_stride};
    const Columns b{panels, runs * run * kPanelWidth};
    Epilogue epilogue;
    epilogue.bias = bias;
    float* c = y + item * item_out + outputs.h * y_row + outputs.w * y_column + strip * (along_h() ? y_column : y_row);
    gemm(a, along_h() ? outputs.height : outputs.width, b, channels_out, first_panel, last_panel, c,
         along_h() ? y_row : y_column, epilogue);
  }
};

// About half, but in whole tiles of the engine while there are several.
int64_t halved(int64_t length) {
  const int64_t half = (length + 1) / 2;
  return length > kTileRows ? round_up(half, kTileRows) : half;
}

// Height and width of the rectangles in which the outputs are shared out: long strips first, then as many as fit.
Rectangle tile_size(const Correlation& c, int threads) {
  const bool along_h = c.along_h();
  const int64_t share = (c.batch * c.image.h.out * c.image.w.out + threads - 1) / threads;
  int64_t length = along_h ? c.image.h.out : c.image.w.out, strips = along_h ? c.image.w.out : c.image.h.out;
  const auto too_large = [&](int64_t count) {
    const int64_t floats = along_h ? c.staged_floats(length, count) : c.staged_floats(count, length);
    return floats > kStagedFloats || length * count > share;
  };
  while (length > kTileRows && too_large(1)) length = halved(length);
  while (strips > 1 && too_large(strips)) strips = (strips + 1) / 2;
  return {0, along_h ? length : strips, 0, along_h ? strips : length};
}

// ---- launchers ----

void correlate(ThreadPool* pool, const Correlation& c) {
  const int64_t out_h = c.image.h.out, out_w = c.image.w.out;
  if (c.batch * out_h * out_w == 0) return;
  const Rectangle size = tile_size(c, pool->threads());
  const int64_t down = (out_h + size.height - 1) / size.height, across = (out_w + size.width - 1) / size.width;
  const int64_t panels = panel_count(c.channels_out), tiles = c.batch * down * across;
  // With fewer tiles than threads, the panels of each are shared out too.
  const int64_t splits = tiles >= pool->threads() ? 1 : smaller(pool->threads(), panels);
  parallel_for(pool, tiles * splits, [&](int64_t task, int worker) {
    const int64_t split = task % splits, tile = task / splits;
    const int64_t h = tile / across % down * size.height, w = tile % across * size.width;
    const Rectangle outputs{h, smaller(size.height, out_h - h), w, smaller(size.width, out_w - w)};
    float* scratch =
        static_cast<float*>(pool->scratch(worker, c.staged_floats(size.height, size.width) * sizeof(float)));
    c.run(tile / across / down, outputs, panels * split / splits, panels * (split + 1) / splits, scratch);
  });
}

// Adds residual to the output, where it is given, then LeakyReLU follows, or its gradient at signs.
void finish(const KernelContext& context, const float* residual, const float* signs) {
  const auto factor = static_cast<float>(context.attrs->f("slope"));
  if (!residual && factor == 1) return;
  const Vec slope = broadcast(factor), zero = broadcast(0);
  const int64_t count = context.out(0).shape.count();
  parallel_for(context.pool, (count + kFinished - 1) / kFinished, [&](int64_t task, int) {
    const int64_t end = smaller((task + 1) * kFinished, count);
    for (int64_t i = task * kFinished; i < end; i += kLanes) {
      float* y = context.out(0).f32() + i;
      Vec value = load_left(y, end - i);
      if (residual) value = value + load_left(residual + i, end - i);
      const Vec sign = signs ? load_left(signs + i, end - i) : value;
      store_left(select_less(sign, zero, value * slope, value), y, end - i);
    }
  });
}

void conv2d(const KernelContext& context) {
  const Tensor x = context.in(0), w = context.in(1);
  const Tensor& y = context.out(0);
  const Conv2dGeometry g = conv2d_geometry(x.shape, y.shape, w.shape[1], w.shape[2], *context.attrs);
  correlate(context.pool, {{x.f32(), g.in_channels, g.h.forward(), g.w.forward()},
                           g.batch,
                           x.shape.count_from(1),
                           y.shape.count_from(1),
                           w.f32(),
                           g.out_channels,
                           context.in(2).f32(),
                           y.f32(),
                           g.w.out * g.out_channels,
                           g.out_channels});
  finish(context, nullptr, nullptr);
}

void conv2d_input_grad(const KernelContext& context) {
  const Tensor gy = context.in(0), w = context.in(1);
  const Tensor& gx = context.out(0);
  const Conv2dGeometry g = conv2d_geometry(gx.shape, gy.shape, w.shape[0], w.shape[1], *context.attrs);
  const int64_t row = g.w.in * g.in_channels;
  const float* panels = w.f32();
  for (int64_t phase_h = 0; phase_h < g.h.stride; ++phase_h) {
    for (int64_t phase_w = 0; phase_w < g.w.stride; ++phase_w) {
      const Phase h = phase_of(g.h, phase_h), v = phase_of(g.w, phase_w);
      correlate(context.pool, {{gy.f32(), g.out_channels, h.axis, v.axis},
                               g.batch,
                               gy.shape.count_from(1),
                               gx.shape.count_from(1),
                               panels,
                               g.in_channels,
                               nullptr,
                               gx.f32() + h.first * row + v.first * g.in_channels,
                               g.h.stride * row,
                               g.w.stride * g.in_channels});
      panels += h.axis.taps * v.axis.taps * packed_size(g.out_channels, g.in_channels);
    }
  }
  finish(context, context.in(kConv2dResidual).f32(), context.in(kConv2dSigns).f32());
}

// w (O, I, kh, kw) -> (panels of O, kh, kw, I, 16)
void pack_conv2d(const KernelContext& context) {
  if (context.out(0).dtype == DType::i32) return refuse_bf16_packing("pack_conv2d");
  const Shape& w = context.in(0).shape;
  const int64_t taps = w[2] * w[3], inputs = w[1];
  parallel_for(context.pool, panel_count(w[0]), [&](int64_t panel, int) {
    pack_panel(context.in(0).f32() + panel * kPanelWidth * inputs * taps, inputs, taps, w[0] - panel * kPanelWidth,
               context.out(0).f32() + panel * taps * inputs * kPanelWidth);
  });
}

// One panel of inputs for one phase: (taps of the phase, O, 16).
void pack_phase(const float* w, const Shape& shape, const Phase& h, const Phase& v, int64_t first, float* panel) {
  const int64_t outputs = shape[0], inputs = shape[1], kernel_h = shape[2], kernel_w = shape[3];
  for (int64_t m = 0; m < h.axis.taps; ++m) {
    for (int64_t n = 0; n < v.axis.taps; ++n) {
      const float* tap = w + h.tap(m) * kernel_w + v.tap(n);
      for (int64_t o = 0; o < outputs; ++o) {
        for (int64_t i = first; i < first + kPanelWidth; ++i) {
          *panel++ = i < inputs ? tap[(o * inputs + i) * kernel_h * kernel_w] : 0;
        }
      }
    }
  }
}

void pack_conv2d_input_grad(const KernelContext& context) {
  if (context.out(0).dtype == DType::i32) return refuse_bf16_packing("pack_conv2d_input_grad");
  const Tensor w = context.in(0);
  const Attrs& attrs = *context.attrs;
  const int64_t outputs = w.shape[0], inputs = w.shape[1];
  const ConvAxis axis_h{0, 0, w.shape[2], attrs.i("stride_h"), attrs.i("dilation_h"), 0};
  const ConvAxis axis_w{0, 0, w.shape[3], attrs.i("stride_w"), attrs.i("dilation_w"), 0};
  parallel_for(context.pool, panel_count(inputs), [&](int64_t panel, int) {
    float* phase = context.out(0).f32();
    for (int64_t phase_h = 0; phase_h < axis_h.stride; ++phase_h) {
      for (int64_t phase_w = 0; phase_w < axis_w.stride; ++phase_w) {
        const Phase h = phase_of(axis_h, phase_h), v = phase_of(axis_w, phase_w);
        const int64_t size = h.axis.taps * v.axis.taps * outputs * kPanelWidth;
        pack_phase(w.f32(), w.shape, h, v, panel * kPanelWidth, phase + panel * size);
        phase += panel_count(inputs) * size;
      }
    }
  });
}

}  // namespace

void register_conv2d_cpu(KernelTable& table) {
  table.add("conv2d", conv2d);
  table.add("conv2d_input_grad", conv2d_input_grad);
  table.add("conv2d_weight_grad", conv2d_weight_grad);
  table.add("pack_conv2d", pack_conv2d);
  table.add("pack_conv2d_input_grad", pack_conv2d_input_grad);
}

}  // namespace lmspt::LMSPT_ISA

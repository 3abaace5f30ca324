// All taps of an output are one row of A. Weights come packed (gemm/cuda/pack_weights.h).
#include "gemm/cuda/outer_product.h"
#include "gemm/cuda/pack_weights.h"
#include "ops/conv2d/conv2d.h"
#include "ops/conv2d/folded_cuda.h"
#include "ops/conv2d/unfolded_cuda.h"

namespace lmspt::cuda {

namespace {

// ---- kernels ----

struct ImageWeight {
  const float* w;
  int64_t inputs, taps;
  __device__ float operator()(int64_t, int64_t tap, int64_t channel, int64_t column) const {
    return w[(column * inputs + channel) * taps + tap];
  }
};

// The taps of one phase of the gradient, inputs as columns.
struct PhaseWeight {
  const float* w;
  int64_t inputs, kernel_h, kernel_w;
  Phase h, v;
  __device__ float operator()(int64_t, int64_t tap, int64_t channel, int64_t column) const {
    const int64_t tap_h = h.first_tap + (h.axis.taps - 1 - tap / v.axis.taps) * h.tap_step;
    const int64_t tap_w = v.first_tap + (v.axis.taps - 1 - tap % v.axis.taps) * v.tap_step;
    return w[((channel * inputs + column) * kernel_h + tap_h) * kernel_w + tap_w];
  }
};

// ---- launchers ----

Axis axis_of(const Axis2d& axis, int64_t pitch) {
  return Axis::of(axis.in, axis.stride, axis.dilation, axis.origin, pitch);
}

RowsOfA rows_of(Precision precision, const Tensor& x, int64_t channels, const Axis2d& h, const Axis2d& w) {
  RowsOfA a;
  a.x = Numbers(x);
  a.outer = h.in * w.in * channels;
  a.h = axis_of(h, w.in * channels);
  a.w = axis_of(w, channels);
  a.positions = Divisor(h.out * w.out);
  a.positions_w = Divisor(w.out);
  a.channels = static_cast<int>(channels);
  a.words = static_cast<int>(h.taps * w.taps * words_of(precision, channels));
  a.tap_words = Divisor(words_of(precision, channels));
  a.taps_w = Divisor(w.taps);
  return a;
}

void conv2d(const KernelContext& context) {
  const Tensor x = context.in(0), w = context.in(1);
  const Tensor& y = context.out(0);
  const Conv2dGeometry g = conv2d_geometry(x.shape, y.shape, w.shape[-4], w.shape[-3], *context.attrs);
  const Precision precision = precision_of(*context.attrs);
  Product p;
  p.rows = g.batch * g.h.out * g.w.out, p.columns = g.out_channels;
  p.a = rows_of(precision, x, g.in_channels, g.h.forward(), g.w.forward());
  p.b = columns_of(w, p.a.words, p.columns);
  p.b.rows = are_rows(context, precision, g.in_channels);
  p.c.c = Numbers(y);
  p.c.bias = context.in(2).f32();
  p.c.slope = static_cast<float>(context.attrs->f("slope"));
  p.c.outer = p.c.limit = y.shape.count_from(1);
  p.c.h = g.w.out * g.out_channels;
  p.c.w = g.out_channels;
  p.c.span = Divisor(p.columns);
  if (is_folded(context, precision, {g.in_channels, g.out_channels, g.h.kernel * g.w.kernel})) {
    return run_folded(context, precision, p, FoldedAxis::forward(g.h), FoldedAxis::forward(g.w));
  }
  if (is_unfolded(context, precision, p.a, p.rows, p.columns)) return run_unfolded(context, precision, p);
  run_product(context, precision, p);
}

// From outputs to inputs, with all taps; which of them reach what is left to run_folded.
Axis2d reversed(const ConvAxis& axis) { return {axis.out, axis.in, axis.kernel, 1, 1, 0}; }

void conv2d_input_grad(const KernelContext& context) {
  const Tensor gy = context.in(0), w = context.in(1);
  const Tensor& gx = context.out(0);
  const Conv2dGeometry g = conv2d_geometry(gx.shape, gy.shape, w.shape[-5], w.shape[-4], *context.attrs);
  const Precision precision = precision_of(*context.attrs);
  const int64_t tap_words = panel_count(g.in_channels) * words_of(precision, g.out_channels) * kPanelWidth;
  const int64_t row = g.w.in * g.in_channels;
  Product p;
  p.columns = g.in_channels;
  p.c.c = Numbers(gx);
  p.c.residual = Numbers(context.in(kConv2dResidual));
  p.c.signs = Numbers(context.in(kConv2dSigns));
  p.c.slope = static_cast<float>(context.attrs->f("slope"));
  p.c.outer = p.c.limit = gx.shape.count_from(1);
  p.c.span = Divisor(p.columns);
  if (is_folded(context, precision, {g.out_channels, g.in_channels, g.h.kernel * g.w.kernel})) {
    p.rows = g.batch * g.h.in * g.w.in;
    p.a = rows_of(precision, gy, g.out_channels, reversed(g.h), reversed(g.w));
    p.b = columns_of(w, p.a.words, p.columns);
    p.c.h = row;
    p.c.w = g.in_channels;
    return run_folded(context, precision, p, FoldedAxis::gradient(g.h), FoldedAxis::gradient(g.w));
  }
  p.c.h = g.h.stride * row;
  p.c.w = g.w.stride * g.in_channels;
  int64_t taps_before = 0;
  for (int64_t phase_h = 0; phase_h < g.h.stride; ++phase_h) {
    for (int64_t phase_w = 0; phase_w < g.w.stride; ++phase_w) {
      const Phase h = phase_of(g.h, phase_h), v = phase_of(g.w, phase_w);
      p.rows = g.batch * h.axis.out * v.axis.out;
      p.a = rows_of(precision, gy, g.out_channels, h.axis, v.axis);
      p.b = columns_of(w, p.a.words, p.columns);
      p.b.rows = are_rows(context, precision, g.out_channels);
      p.b.data += taps_before * tap_words;
      p.b.plane = g.h.kernel * g.w.kernel * tap_words;
      p.c.origin = h.first * row + v.first * g.in_channels;
      run_product(context, precision, p);
      taps_before += h.axis.taps * v.axis.taps;
    }
  }
}

void conv2d_weight_grad(const KernelContext& context) {
  const Tensor x = context.in(0), gy = context.in(1), gw = context.out(0);
  const Conv2dGeometry g = conv2d_geometry(x.shape, gy.shape, gw.shape[2], gw.shape[3], *context.attrs);
  const int64_t taps = g.h.kernel * g.w.kernel;
  OuterProduct o;
  o.rows = g.out_channels, o.columns = taps * g.in_channels, o.depth = g.batch * g.h.out * g.w.out;
  o.p = Numbers(gy);
  o.p_pitch = g.out_channels;
  o.taps = rows_of(Precision::fp32, x, g.in_channels, g.h.forward(), g.w.forward());
  o.c = gw.f32();
  o.channels = Divisor(g.in_channels);
  o.row_step = g.in_channels * taps, o.tap_step = 1, o.channel_step = taps;
  const Precision precision = precision_of(*context.attrs);
  if (is_unfolded(context, precision, o.taps, o.depth, o.rows)) {
    return run_unfolded_weight_gradient(context, precision, o);
  }
  run_weight_gradient(context, precision, o);
}

void pack_conv2d(const KernelContext& context) {
  const Tensor w = context.in(0);
  const int64_t taps = w.shape[2] * w.shape[3];
  const ImageWeight weight{w.f32(), w.shape[1], taps};
  const Precision precision = precision_of(*context.attrs);
  const FoldedSize folded{w.shape[1], w.shape[0], taps};
  if (is_folded(context, precision, folded)) {
    return pack_folded(context, precision, folded, {w.f32(), taps, w.shape[1] * taps}, context.out(0).data);
  }
  const bool rows = are_rows(context, precision, w.shape[1]);
  pack_weights(context, precision, {1, taps, w.shape[1], w.shape[0]}, rows, weight, context.out(0).data);
}

void pack_conv2d_input_grad(const KernelContext& context) {
  const Tensor w = context.in(0);
  const Attrs& attrs = *context.attrs;
  const ConvAxis axis_h{0, 0, w.shape[2], attrs.i("stride_h"), attrs.i("dilation_h"), 0};
  const ConvAxis axis_w{0, 0, w.shape[3], attrs.i("stride_w"), attrs.i("dilation_w"), 0};
  const Precision precision = precision_of(attrs);
  const int64_t tap_words = panel_count(w.shape[1]) * words_of(precision, w.shape[0]) * kPanelWidth;
  const bool rows = are_rows(context, precision, w.shape[0]);
  const int64_t all_taps = w.shape[2] * w.shape[3];
  float* target = context.out(0).f32();
  const FoldedSize folded{w.shape[0], w.shape[1], all_taps};
  if (is_folded(context, precision, folded)) {
    return pack_folded(context, precision, folded, {w.f32(), w.shape[1] * all_taps, all_taps}, target);
  }
  for (int64_t phase_h = 0; phase_h < axis_h.stride; ++phase_h) {
    for (int64_t phase_w = 0; phase_w < axis_w.stride; ++phase_w) {
      const Phase h = phase_of(axis_h, phase_h), v = phase_of(axis_w, phase_w);
      const int64_t taps = h.axis.taps * v.axis.taps;
      const PhaseWeight weight{w.f32(), w.shape[1], w.shape[2], w.shape[3], h, v};
      pack_weights(context, precision, {1, taps, w.shape[0], w.shape[1]}, rows, weight, target, all_taps * tap_words);
      target += taps * tap_words;
    }
  }
}

}  // namespace

void register_conv2d_cuda(KernelTable& table) {
  table.add("conv2d", conv2d);
  table.add("conv2d_input_grad", conv2d_input_grad);
  table.add("conv2d_weight_grad", conv2d_weight_grad);
  table.add("pack_conv2d", pack_conv2d);
  table.add("pack_conv2d_input_grad", pack_conv2d_input_grad);
  table.takes_bf16("conv2d", {.inputs = 1 << 0, .outputs = 1 << 0});
  table.takes_bf16("conv2d_input_grad",
                   {.inputs = 1 << 0 | 1 << kConv2dResidual | 1 << kConv2dSigns, .outputs = 1 << 0});
  table.takes_bf16("conv2d_weight_grad", {.inputs = 1 << 0 | 1 << 1});
}

}  // namespace lmspt::cuda

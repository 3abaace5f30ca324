// Weights come packed (gemm/cuda/pack_weights.h). There is no kernel of the fast algorithm: plans for CUDA do not ask
// for it.
#include <utility>

#include "gemm/cuda/pack_weights.h"
#include "gemm/cuda/sm90_product.h"
#include "ops/conv1d/conv1d.h"
#include "ops/conv1d/conv1d_cuda.h"
#include "ops/conv1d/items_cuda.h"
#include "ops/snake/next_snake_cuda.h"

namespace lmspt::cuda {

namespace {

// ---- kernels ----

struct ConvWeight {
  const float* w;
  int64_t outputs, inputs, taps;  // of a group
  bool transposed;
  __device__ float operator()(int64_t group, int64_t tap, int64_t channel, int64_t column) const {
    return transposed ? w[(channel * outputs + column) * taps + taps - 1 - tap]
                      : w[((group * outputs + column) * inputs + channel) * taps + tap];
  }
};

// ---- launchers ----

Product convolution(const KernelContext& context, const Conv1dGeometry& g, Precision precision, const Tensor& x,
                    const Tensor& w, const Tensor& y, const Tensor& ends) {
  Product p;
  p.groups = g.groups, p.columns = g.group_out();
  p.a.x = Numbers(x);
  p.a.group = g.group_in();
  p.a.channels = static_cast<int>(g.group_in());
  p.a.w = Axis::of(g.in_length, g.stride, g.dilation, -g.pad_left, g.in_channels);
  set_taps(p.a, precision, {g.kernel, g.stride, g.dilation});
  p.b = columns_of(w, p.a.words * p.a.shifts, p.columns, g.groups);
  p.b.rows = are_rows(context, precision, g.group_in());
  p.c.c = Numbers(y);
  p.c.group = g.group_out();
  p.c.w = g.out_channels;
  p.c.span = Divisor(p.columns);
  p.c.limit = g.out_length * g.out_channels;
  const int64_t x_item = g.in_length * g.in_channels, y_item = g.out_length * g.out_channels;
  if (ends || p.a.shifts > 1) {
    p.items = g.batch, p.rows = g.out_length;
    p.a.item = x_item, p.c.item = y_item;
    p.a.positions = p.a.positions_w = Divisor(kBeyondAll);
  } else {
    p.rows = g.batch * g.out_length;
    p.a.outer = x_item, p.c.outer = y_item;
    p.a.positions = p.a.positions_w = Divisor(g.out_length);
  }
  if (ends) {
    const ItemRows rows = item_rows(x.shape, y.shape, *context.attrs);
    set_items(p, ragged_items(ends, rows, rows.out, 0));
  }
  return p;
}

void conv1d(const KernelContext& context) {
  const Tensor x = context.in(0), w = context.in(1);
  const Tensor& y = context.out(0);
  if (w.shape.rank == 3) {
    conv1d_direct(context);
    return snake_result(context, kConvNextAlpha);
  }
  const Precision precision = precision_of(*context.attrs);
  const Conv1dGeometry g = conv1d_geometry(x.shape, y.shape, w.shape[2], *context.attrs);
  Product p = convolution(context, g, precision, x, w, y, context.in(kConvEnds));
  p.c.bias = context.in(2).f32();
  p.a.alpha = context.in(3).f32();
  p.c.residual = Numbers(context.in(4));
  if (g.groups == 1) activate(context, kConvNextAlpha, p);
  run_product(context, precision, p);
  if (g.groups > 1) snake_result(context, kConvNextAlpha);
}

bool is_thin_convolution(const Conv1dGeometry& g) {
  return g.groups == 1 &&
         is_thin({g.kernel * g.in_channels, g.out_channels, g.batch * (g.in_length + g.kernel * g.dilation),
                  g.kernel * g.dilation * g.in_channels});
}

// Snake of x is a pass of its own before products that read x as it lies.
bool prepares_input(const KernelContext& context) {
  const Shape& w = context.inputs[1].shape;
  const Precision precision = precision_of(*context.attrs);
  return precision == Precision::bf16 && are_rows(context, precision, w[1]);
}

// Products along few words write either, and so does the kernel of a single output read them.
Bf16Ports unrounded_ports(const KernelContext& call) {
  const Shape &x = call.inputs[0].shape, &w = call.inputs[1].shape, &y = call.outputs[0].shape;
  const Conv1dGeometry g = conv1d_geometry(x, y, w[2], *call.attrs);
  if (w.rank == 3) return {.inputs = reads_bf16_directly(g)};
  const bool has_alpha = call.input_count > kConvAlpha && call.inputs[kConvAlpha].shape.rank >= 0;
  return {.outputs = !has_alpha && is_thin_convolution(g) ? 0b11u : 0u};
}

// Both convolutions of a unit that is no single kernel.
bool prepares_unit_input(const KernelContext& context) {
  const Shape& w = context.inputs[1].shape;
  return prepares_input(context) &&
         !is_sm90_unit(context, precision_of(*context.attrs), {w[1], w[2], context.attrs->i("dilation")});
}

void fused_residual_unit(const KernelContext& context) {
  const Tensor x = context.in(0), w1 = context.in(1), w2 = context.in(4);
  const Tensor& y = context.out(0);
  const Precision precision = precision_of(*context.attrs);
  const Conv1dGeometry g = conv1d_geometry(x.shape, y.shape, w1.shape[2], *context.attrs);
  Product first = convolution(context, g, precision, x, w1, y, context.in(kUnitEnds));
  first.c.bias = context.in(2).f32();
  first.a.alpha = context.in(3).f32();
  Product second = first;  // of the same rows, wherever items begin
  second.ragged = {};
  if (first.ragged.ends) second.rows = g.out_length;
  set_taps(second.a, precision, {1, 1, 1});
  second.a.w = Axis::of(g.in_length, 1, 1, 0, g.in_channels);
  second.a.alpha = context.in(6).f32();
  second.b = columns_of(w2, second.a.words, second.columns);
  second.b.rows = first.b.rows;
  second.c.bias = context.in(5).f32();
  second.c.residual = Numbers(x);
  activate(context, kUnitNextAlpha, second);
  if (run_residual_unit(context, precision, first, second)) return;
  const Scratch inner(context, y.shape.count() * sizeof(float));
  second.a.x = Numbers(static_cast<const float*>(inner.data()));
  if (precision == Precision::bf16 && first.b.rows) {  // as operands, that the second product reads as they lie
    second.a.x.halves = true;
    std::swap(first.c.alpha, second.a.alpha);
  }
  first.c.c = second.a.x;
  run_product(context, precision, first);
  run_product(context, precision, second);
}

void pack_conv1d(const KernelContext& context) {
  const Tensor w = context.in(0);
  const bool transposed = context.attrs->b("transposed");
  const int64_t groups = context.attrs->i("groups");
  const int64_t outputs = w.shape[transposed ? 1 : 0] / groups, inputs = w.shape[transposed ? 0 : 1];
  const Precision precision = precision_of(*context.attrs);
  const ConvWeight weight{w.f32(), outputs, inputs, w.shape[2], transposed};
  pack_weights(context, precision, {groups, w.shape[2], inputs, outputs}, are_rows(context, precision, inputs), weight,
               context.out(0).data);
}

}  // namespace

void register_conv1d_cuda(KernelTable& table) {
  table.add("conv1d", conv1d);
  table.prepares_input("conv1d", prepares_input);
  table.prepares_input("fused_residual_unit", prepares_unit_input);
  table.add("pack_conv1d", pack_conv1d);
  table.add("conv1d_weight_grad", conv1d_weight_grad);
  table.add("fused_residual_unit", fused_residual_unit);
  table.takes_bf16("conv1d", {.inputs = 1 << 0 | 1 << 4, .outputs = 1 << 0 | 1 << 1});
  table.takes_bf16_unrounded("conv1d", unrounded_ports);
  table.takes_bf16("conv1d_weight_grad", {.inputs = 1 << 0 | 1 << 1});
  table.takes_bf16("fused_residual_unit", {.inputs = 1 << 0, .outputs = 1 << 0 | 1 << 1});
}

}  // namespace lmspt::cuda

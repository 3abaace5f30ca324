// One product for all phases: see conv_transpose1d.h. Weights come packed (gemm/cuda/pack_weights.h).
#include "gemm/cuda/pack_weights.h"
#include "ops/conv1d/items_cuda.h"
#include "ops/conv_transpose1d/conv_transpose1d.h"
#include "ops/snake/next_snake_cuda.h"

namespace lmspt::cuda {

namespace {

// ---- kernels ----

// Column p * O + o, tap r from the oldest row: w[i, o, p + (taps - 1 - r) * stride], zero beyond the kernel.
struct TransposedWeight {
  const float* w;
  int64_t inputs, outputs, kernel, stride, taps;  // inputs and outputs of a group
  __device__ float operator()(int64_t group, int64_t tap, int64_t channel, int64_t column) const {
    const int64_t j = column / outputs + (taps - 1 - tap) * stride;
    if (j >= kernel) return 0;
    return w[((group * inputs + channel) * outputs + column % outputs) * kernel + j];
  }
};

// ---- launchers ----

void conv_transpose1d(const KernelContext& context) {
  const Tensor x = context.in(0), w = context.in(1);
  const Tensor& y = context.out(0);
  if (y.shape.count() == 0) return;
  const Attrs& attrs = *context.attrs;
  const Precision precision = precision_of(attrs);
  const ConvTranspose1dGeometry g{x.shape[0],        x.shape[1],         x.shape[2],        y.shape[1],
                                  y.shape[2],        w.shape[2],         attrs.i("stride"), attrs.i("dilation"),
                                  attrs.i("groups"), attrs.i("pad_left")};
  const int64_t first = g.pad_left / g.stride;  // earlier row groups are trimmed
  const int64_t count = (g.out_length + g.pad_left + g.stride - 1) / g.stride - first;
  Product p;
  p.groups = g.groups, p.columns = g.columns();
  p.a.x = Numbers(x);
  p.a.group = g.group_in();
  p.a.channels = static_cast<int>(g.group_in());
  p.a.w = Axis::of(g.in_length, 1, g.dilation, first - (g.taps - 1) * g.dilation, g.in_channels);
  set_taps(p.a, precision, {g.taps, 1, g.dilation});
  p.b = columns_of(w, p.a.words * p.a.shifts, p.columns, g.groups);
  p.b.rows = are_rows(context, precision, g.group_in());
  p.c.c = Numbers(y);
  p.c.bias = context.in(2).f32();
  p.c.group = g.group_out();
  p.c.w = g.stride * g.out_channels;
  p.c.origin = (first * g.stride - g.pad_left) * g.out_channels;
  p.c.limit = g.out_length * g.out_channels;
  p.c.span = Divisor(g.group_out());
  p.c.span_step = g.out_channels;
  const int64_t x_item = g.in_length * g.in_channels, y_item = g.out_length * g.out_channels;
  const Tensor ends = context.in(kTransposeEnds);
  if (ends || p.a.shifts > 1) {
    p.items = g.batch, p.rows = count;
    p.a.item = x_item, p.c.item = y_item;
    p.a.positions = p.a.positions_w = Divisor(kBeyondAll);
  } else {
    p.rows = g.batch * count;
    p.a.outer = x_item, p.c.outer = y_item;
    p.a.positions = p.a.positions_w = Divisor(count);
  }
  if (ends) {
    const ItemRows rows = item_rows(x.shape, y.shape, attrs);
    set_items(p, ragged_items(ends, rows, rows.in, g.pad_left % g.stride > 0));
  }
  if (g.groups == 1) activate(context, kTransposeNextAlpha, p);
  run_product(context, precision, p);
  if (g.groups > 1) snake_result(context, kTransposeNextAlpha);
}

void pack_conv_transpose1d(const KernelContext& context) {
  const Tensor w = context.in(0);
  const int64_t groups = context.attrs->i("groups"), stride = context.attrs->i("stride");
  const int64_t taps = (w.shape[2] + stride - 1) / stride, inputs = w.shape[0] / groups;
  const TransposedWeight weight{w.f32(), inputs, w.shape[1], w.shape[2], stride, taps};
  const Precision precision = precision_of(*context.attrs);
  const int64_t columns = stride * w.shape[1];
  pack_weights(context, precision, {groups, taps, inputs, columns}, are_rows(context, precision, inputs), weight,
               context.out(0).data);
}

}  // namespace

void register_conv_transpose1d_cuda(KernelTable& table) {
  table.add("conv_transpose1d", conv_transpose1d);
  table.add("pack_conv_transpose1d", pack_conv_transpose1d);
  table.takes_bf16("conv_transpose1d", {.inputs = 1 << 0, .outputs = 1 << 0 | 1 << 1});
}

}  // namespace lmspt::cuda

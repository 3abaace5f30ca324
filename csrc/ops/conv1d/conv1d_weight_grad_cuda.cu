#include "gemm/cuda/outer_product.h"
#include "ops/conv1d/conv1d.h"
#include "ops/conv1d/conv1d_cuda.h"

namespace lmspt::cuda {

// ---- launchers ----

void conv1d_weight_grad(const KernelContext& context) {
  const Tensor x = context.in(0), gy = context.in(1), gw = context.out(0);
  const Conv1dGeometry g = conv1d_geometry(x.shape, gy.shape, context.attrs->i("kernel"), *context.attrs);
  OuterProduct o;
  o.groups = g.groups;
  o.rows = g.group_out(), o.columns = g.kernel * g.group_in(), o.depth = g.batch * g.out_length;
  o.p = Numbers(gy);
  o.p_group = g.group_out(), o.p_pitch = g.out_channels;
  o.taps.x = Numbers(x);
  o.taps.outer = g.in_length * g.in_channels, o.taps.group = g.group_in();
  o.taps.w = Axis::of(g.in_length, g.stride, g.dilation, -g.pad_left, g.in_channels);
  o.taps.positions = o.taps.positions_w = Divisor(g.out_length);
  o.taps.channels = static_cast<int>(g.group_in());
  o.taps.tap_words = Divisor(g.group_in());
  o.taps.taps_w = Divisor(g.kernel);
  o.c = gw.f32();
  o.c_group = g.group_out() * g.group_in() * g.kernel;
  o.channels = Divisor(g.group_in());
  o.row_step = g.group_in() * g.kernel, o.tap_step = 1, o.channel_step = g.kernel;
  run_weight_gradient(context, precision_of(*context.attrs), o);
}

}  // namespace lmspt::cuda

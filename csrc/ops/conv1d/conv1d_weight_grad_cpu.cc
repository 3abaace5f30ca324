#include "gemm/weight_gradient_cpu.h"
#include "ops/conv1d/conv1d_cpu.h"

namespace lmspt::LMSPT_ISA {

namespace {

// The rows of x that one tap meets, position after position of the whole batch.
struct Taps {
  const float* x;  // of the item
  const Conv1dGeometry& g;
  int64_t at, t;  // rows of x and of gy

  const float* row() const { return at < 0 || at >= g.in_length ? nullptr : x + at * g.in_channels; }

  EvenRows even_rows(int64_t count) const {
    const bool is_inside = at >= 0 && at + (count - 1) * g.stride < g.in_length && t + count <= g.out_length;
    return {is_inside ? row() : nullptr, g.stride * g.in_channels};
  }

  void next() {
    at += g.stride;
    if (++t < g.out_length) return;
    at -= g.out_length * g.stride;
    t = 0;
    x += g.in_length * g.in_channels;
  }
};

}  // namespace

// ---- launchers ----

void conv1d_weight_grad(const KernelContext& context) {
  const Tensor x = context.in(0), gy = context.in(1), gw = context.out(0);
  if (gw.shape.count() == 0) return;
  const Conv1dGeometry g = conv1d_geometry(x.shape, gy.shape, context.attrs->i("kernel"), *context.attrs);
  const auto taps = [&](int64_t tap, int64_t position) {
    const int64_t item = position / g.out_length, t = position % g.out_length;
    return Taps{x.f32() + item * g.in_length * g.in_channels, g, t * g.stride + tap * g.dilation - g.pad_left, t};
  };
  WeightGradient({g.groups, g.group_in(), g.group_out(), g.kernel, g.batch * g.out_length}, gy.f32(), taps, gw.f32())
      .run(context.pool);
}

}  // namespace lmspt::LMSPT_ISA

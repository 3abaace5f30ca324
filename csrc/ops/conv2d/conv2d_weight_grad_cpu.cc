#include "gemm/weight_gradient_cpu.h"
#include "ops/conv2d/conv2d_cpu.h"

namespace lmspt::LMSPT_ISA {

namespace {

// The pixels of x that one tap meets, output after output of the whole batch.
struct Taps {
  const float* x;  // of the item
  const Conv2dGeometry& g;
  int64_t at_h, at_w, h, w;  // in x, and of the output

  const float* row() const {
    if (at_h < 0 || at_h >= g.h.in || at_w < 0 || at_w >= g.w.in) return nullptr;
    return x + (at_h * g.w.in + at_w) * g.in_channels;
  }

  EvenRows even_rows(int64_t count) const {
    const bool is_inside = at_w >= 0 && at_w + (count - 1) * g.w.stride < g.w.in && w + count <= g.w.out;
    return {is_inside ? row() : nullptr, g.w.stride * g.in_channels};
  }

  void next() {
    at_w += g.w.stride;
    if (++w < g.w.out) return;
    at_w -= g.w.out * g.w.stride;
    w = 0;
    at_h += g.h.stride;
    if (++h < g.h.out) return;
    at_h -= g.h.out * g.h.stride;
    h = 0;
    x += g.h.in * g.w.in * g.in_channels;
  }
};

}  // namespace

// ---- launchers ----

void conv2d_weight_grad(const KernelContext& context) {
  const Tensor x = context.in(0), gy = context.in(1), gw = context.out(0);
  if (gw.shape.count() == 0) return;
  const Conv2dGeometry g = conv2d_geometry(x.shape, gy.shape, gw.shape[2], gw.shape[3], *context.attrs);
  const auto taps = [&](int64_t tap, int64_t position) {
    const int64_t w = position % g.w.out, h = position / g.w.out % g.h.out, item = position / g.w.out / g.h.out;
    const int64_t tap_h = tap / g.w.kernel, tap_w = tap % g.w.kernel;
    return Taps{x.f32() + item * x.shape.count_from(1),          g, h * g.h.stride + tap_h * g.h.dilation - g.h.pad,
                w * g.w.stride + tap_w * g.w.dilation - g.w.pad, h, w};
  };
  WeightGradient({1, g.in_channels, g.out_channels, g.h.kernel * g.w.kernel, g.batch * g.h.out * g.w.out}, gy.f32(),
                 taps, gw.f32())
      .run(context.pool);
}

}  // namespace lmspt::LMSPT_ISA

// A thread takes a pair of features of a row (b, t) in all its heads.
#include "device/cuda/launch.h"
#include "ops/rotary/rotary.h"

namespace lmspt::cuda {

namespace {

constexpr double kOneOverPi = 0.31830988618379067154;

// ---- kernels ----

__global__ void rotary_kernel(const RotaryGeometry g, const int32_t* positions, const float* x, float* y) {
  for (int64_t unit = first_unit(); unit < g.batch * g.length * g.pairs; unit += unit_step()) {
    const int64_t row = unit / g.pairs, pair = unit % g.pairs;
    const double frequency = pow(g.base, -static_cast<double>(pair) / g.pairs);
    double exact_sine, exact_cosine;
    sincospi(static_cast<double>(g.position(positions, row)) * (frequency * kOneOverPi), &exact_sine, &exact_cosine);
    const float cosine = static_cast<float>(exact_cosine);
    const float sine = static_cast<float>(g.inverse ? -exact_sine : exact_sine);
    for (int64_t head = 0; head < g.heads; ++head) {
      const int64_t at = (row * g.heads + head) * g.size();
      const float x1 = x[at + g.first_of(pair)], x2 = x[at + g.second_of(pair)];
      y[at + g.first_of(pair)] = x1 * cosine - x2 * sine;
      y[at + g.second_of(pair)] = x2 * cosine + x1 * sine;
    }
  }
}

// ---- launchers ----

void rotary(const KernelContext& context) {
  const RotaryGeometry g = rotary_geometry(context);
  launch_threads(context, rotary_kernel, g.batch * g.length * g.pairs, g, context.in(1).i32(), context.in(0).f32(),
                 context.out(0).f32());
}

}  // namespace

void register_rotary_cuda(KernelTable& table) { table.add("rotary", rotary); }

}  // namespace lmspt::cuda

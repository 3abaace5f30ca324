// A task takes one row (b, t): angles are computed once for all its heads.
#include <math.h>

#include "device/cpu/thread_pool.h"
#include "device/kernel.h"
#include "ops/rotary/rotary.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kPairs = 64;  // whose sines are held at a time

// ---- kernels ----

void rotate_row(const RotaryGeometry& g, int64_t position, const double* frequencies, const float* x, float* y) {
  for (int64_t first = 0; first < g.pairs; first += kPairs) {
    const int64_t count = g.pairs - first < kPairs ? g.pairs - first : kPairs;
    float cosine[kPairs], sine[kPairs];
    for (int64_t i = 0; i < count; ++i) {
      const double angle = static_cast<double>(position) * frequencies[first + i];
      cosine[i] = static_cast<float>(::cos(angle));
      sine[i] = static_cast<float>(g.inverse ? -::sin(angle) : ::sin(angle));
    }
    for (int64_t head = 0; head < g.heads; ++head) {
      const float* from = x + head * g.size();
      float* to = y + head * g.size();
      for (int64_t i = 0; i < count; ++i) {
        const float x1 = from[g.first_of(first + i)], x2 = from[g.second_of(first + i)];
        to[g.first_of(first + i)] = x1 * cosine[i] - x2 * sine[i];
        to[g.second_of(first + i)] = x2 * cosine[i] + x1 * sine[i];
      }
    }
  }
}

// ---- launchers ----

void rotary(const KernelContext& context) {
  const RotaryGeometry g = rotary_geometry(context);
  const int32_t* positions = context.in(1).i32();
  // The caller is worker 0, and no task asks for scratch: its buffer holds what all tasks read.
  auto* frequencies = static_cast<double*>(context.pool->scratch(0, g.pairs * sizeof(double)));
  for (int64_t i = 0; i < g.pairs; ++i) frequencies[i] = ::pow(g.base, -static_cast<double>(i) / g.pairs);
  parallel_for(context.pool, g.batch * g.length, [&](int64_t row, int) {
    const int64_t at = row * g.heads * g.size();
    rotate_row(g, g.position(positions, row), frequencies, context.in(0).f32() + at, context.out(0).f32() + at);
  });
}

}  // namespace

void register_rotary_cpu(KernelTable& table) { table.add("rotary", rotary); }

}  // namespace lmspt::LMSPT_ISA

#include <math.h>

#include "device/cpu/simd.h"
#include "device/cpu/thread_pool.h"
#include "device/kernel.h"

namespace lmspt::LMSPT_ISA {

namespace {

// In double precision, which tiny and huge rows need; a sum for every lane of a vector.
double dot(const float* a, const float* b, int64_t count) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += static_cast<double>(a[i + lane]) * b[i + lane];
  }
  double total = 0;
  for (; i < count; ++i) total += static_cast<double>(a[i]) * b[i];
  for (double lane : lanes) total += lane;
  return total;
}

void weight_norm(const KernelContext& context) {
  const Tensor v = context.in(0), g = context.in(1);
  const int64_t size = v.shape.count_from(1);
  parallel_for(context.pool, v.shape[0], [&](int64_t row, int) {
    const float* source = v.f32() + row * size;
    const double scale = g.f32()[row] / ::sqrt(dot(source, source, size));
    float* w = context.out(0).f32() + row * size;
    for (int64_t i = 0; i < size; ++i) w[i] = static_cast<float>(source[i] * scale);
  });
}

// gg = <gy, v> / |v|; gv = g / |v| (gy - v <gy, v> / |v|^2)
void weight_norm_grad(const KernelContext& context) {
  const Tensor v = context.in(0), g = context.in(1), gy = context.in(2);
  const int64_t size = v.shape.count_from(1);
  parallel_for(context.pool, v.shape[0], [&](int64_t row, int) {
    const float *source = v.f32() + row * size, *gradient = gy.f32() + row * size;
    const double square = dot(source, source, size), norm = ::sqrt(square), along = dot(gradient, source, size);
    context.out(1).f32()[row] = static_cast<float>(along / norm);
    const double scale = g.f32()[row] / norm;
    float* gv = context.out(0).f32() + row * size;
    const double share = along / square;
    for (int64_t i = 0; i < size; ++i) gv[i] = static_cast<float>(scale * (gradient[i] - source[i] * share));
  });
}

}  // namespace

void register_weight_norm_cpu(KernelTable& table) {
  table.add("weight_norm", weight_norm);
  table.add("weight_norm_grad", weight_norm_grad);
}

}  // namespace lmspt::LMSPT_ISA

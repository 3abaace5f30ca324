#include "device/cpu/math.h"
#include "device/cpu/thread_pool.h"
#include "device/kernel.h"
#include "ops/conv1d/stage_cpu.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kRowsPerTask = 64;

struct Rows2d {
  int64_t rows, channels;
};

Rows2d rows_of(const Tensor& x) { return {x.shape.count_before(x.shape.rank - 1), x.shape[-1]}; }

// ---- kernels ----

// One row of gx, and its share of galpha added to `sums` (C). With s = sin(2 alpha x), i = 1 / (alpha + 1e-9):
// dy/dx = 1 + alpha s i, dy/dalpha = x s i - sin^2(alpha x) i^2.
LMSPT_INLINE void snake_grad_part(Vec x, Vec alpha, Vec gy, Vec& gx, Vec& sum) {
  const Vec inverse = broadcast(1) / (alpha + broadcast(1e-9f));
  const Vec s = sin(alpha * (x + x));
  gx = fma(gy * alpha * inverse, s, gy);
  const Vec square = sin_squared(alpha * x) * inverse;
  sum = fma(gy * inverse, x * s - square, sum);
}

void snake_grad_row(const float* x, const float* alpha, const float* gy, int64_t channels, float* gx, float* sums) {
  for (int64_t c = 0; c < channels; c += kLanes) {
    Vec gradient;
    if (channels - c >= kLanes) {
      Vec sum = Vec::load(sums + c);
      snake_grad_part(Vec::load(x + c), Vec::load(alpha + c), Vec::load(gy + c), gradient, sum);
      gradient.store(gx + c);
      sum.store(sums + c);
    } else {
      const int n = static_cast<int>(channels - c);
      Vec sum = load_part(sums + c, n);
      snake_grad_part(load_part(x + c, n), load_part(alpha + c, n, 1), load_part(gy + c, n), gradient, sum);
      store_part(gradient, gx + c, n);
      store_part(sum, sums + c, n);
    }
  }
}

// ---- launchers ----

void snake_forward(const KernelContext& context) {
  const Tensor x = context.in(0), alpha = context.in(1);
  const Rows2d size = rows_of(x);
  parallel_for(context.pool, (size.rows + kRowsPerTask - 1) / kRowsPerTask, [&](int64_t task, int worker) {
    float* inverse = static_cast<float*>(context.pool->scratch(worker, size.channels * sizeof(float)));
    for (int64_t c = 0; c < size.channels; ++c) inverse[c] = 1.f / (alpha.f32()[c] + 1e-9f);
    for (int64_t row = task * kRowsPerTask; row < size.rows && row < (task + 1) * kRowsPerTask; ++row) {
      snake_row(x.f32() + row * size.channels, size.channels, {alpha.f32(), inverse},
                context.out(0).f32() + row * size.channels);
    }
  });
}

// Blocks of channels are shared out, so that every sum over rows has one owner and one order.
void snake_backward(const KernelContext& context) {
  const Tensor x = context.in(0), alpha = context.in(1), gy = context.in(2);
  const Rows2d size = rows_of(x);
  constexpr int64_t kChannels = 64;
  parallel_for(context.pool, (size.channels + kChannels - 1) / kChannels, [&](int64_t task, int) {
    const int64_t first = task * kChannels;
    const int64_t n = size.channels - first < kChannels ? size.channels - first : kChannels;
    double totals[kChannels] = {};
    for (int64_t block = 0; block < size.rows; block += kRowsPerTask) {
      float sums[kChannels] = {};
      for (int64_t row = block; row < size.rows && row < block + kRowsPerTask; ++row) {
        const int64_t at = row * size.channels + first;
        snake_grad_row(x.f32() + at, alpha.f32() + first, gy.f32() + at, n, context.out(0).f32() + at, sums);
      }
      for (int64_t c = 0; c < n; ++c) totals[c] += sums[c];
    }
    for (int64_t c = 0; c < n; ++c) context.out(1).f32()[first + c] = static_cast<float>(totals[c]);
  });
}

}  // namespace

void register_snake_cpu(KernelTable& table) {
  table.add("snake", snake_forward);
  table.add("snake_grad", snake_backward);
}

}  // namespace lmspt::LMSPT_ISA

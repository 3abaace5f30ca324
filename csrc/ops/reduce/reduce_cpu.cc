#include <math.h>

#include "device/cpu/simd.h"
#include "device/cpu/thread_pool.h"
#include "device/kernel.h"
#include "ops/reduce/extent.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kFloatRun = 64;      // values added in single precision before they enter the double sum
constexpr int64_t kInnerBlock = 1024;  // columns per task

// ---- kernels ----

double sum_run(const float* x, int64_t count) {
  double total = 0;
  int64_t i = 0;
  while (i + kLanes <= count) {
    Vec part = broadcast(0);
    for (int64_t n = 0; n < kFloatRun && i + kLanes <= count; ++n, i += kLanes) part = part + Vec::load(x + i);
    total += sum(part);
  }
  for (; i < count; ++i) total += x[i];
  return total;
}

// Sums of columns over rows `stride` apart; `totals` has `columns` doubles.
void sum_columns(const float* x, int64_t rows, int64_t stride, int64_t columns, double* totals) {
  for (int64_t c = 0; c < columns; ++c) totals[c] = 0;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < columns; ++c) totals[c] += x[row * stride + c];
  }
}

void max_columns(const float* x, int64_t rows, int64_t stride, int64_t columns, float* best) {
  for (int64_t c = 0; c < columns; ++c) best[c] = rows ? x[c] : -INFINITY;
  for (int64_t row = 1; row < rows; ++row) {
    for (int64_t c = 0; c < columns; ++c) {
      const float value = x[row * stride + c];
      best[c] = value > best[c] || value != value ? value : best[c];
    }
  }
}

// ---- launchers ----

void scaled_sum(const KernelContext& context, bool mean) {
  const Extent e = extent_of(context);
  const double scale = mean ? 1.0 / static_cast<double>(e.reduced) : 1.0;
  const float* x = context.in(0).f32();
  float* out = context.out(0).f32();
  if (e.inner == 1) {
    parallel_for(context.pool, e.outer, [&](int64_t row, int) {
      out[row] = static_cast<float>(sum_run(x + row * e.reduced, e.reduced) * scale);
    });
    return;
  }
  const int64_t blocks = (e.inner + kInnerBlock - 1) / kInnerBlock;
  parallel_for(context.pool, e.outer * blocks, [&](int64_t task, int) {
    double totals[kInnerBlock];
    const int64_t row = task / blocks, first = task % blocks * kInnerBlock;
    const int64_t columns = e.inner - first < kInnerBlock ? e.inner - first : kInnerBlock;
    sum_columns(x + row * e.reduced * e.inner + first, e.reduced, e.inner, columns, totals);
    for (int64_t c = 0; c < columns; ++c) out[row * e.inner + first + c] = static_cast<float>(totals[c] * scale);
  });
}

void reduce_sum(const KernelContext& context) { scaled_sum(context, false); }
void reduce_mean(const KernelContext& context) { scaled_sum(context, true); }

void reduce_max(const KernelContext& context) {
  const Extent e = extent_of(context);
  parallel_for(context.pool, e.outer, [&](int64_t row, int) {
    max_columns(context.in(0).f32() + row * e.reduced * e.inner, e.reduced, e.inner, e.inner,
                context.out(0).f32() + row * e.inner);
  });
}

}  // namespace

void register_reduce_cpu(KernelTable& table) {
  table.add("sum", reduce_sum);
  table.add("mean", reduce_mean);
  table.add("max", reduce_max);
}

}  // namespace lmspt::LMSPT_ISA

#include <math.h>

#include "device/cpu/rows.h"
#include "device/cpu/thread_pool.h"
#include "device/kernel.h"
#include "ops/reduce/extent.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kInnerBlock = 256;         // columns per task
constexpr int64_t kLeastPiece = 256 * 1024;  // elements per task, where rows are cut
constexpr int64_t kTasks = 32;
constexpr int64_t kFloatRows = 16;          // added in single precision before they enter the double sums
constexpr int64_t kElementsPerTask = 4096;  // where rows are whole

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
  for (int64_t first = 0; first < rows; first += kFloatRows) {
    const int64_t end = first + kFloatRows < rows ? first + kFloatRows : rows;
    for (int64_t c = 0; c < columns; c += kLanes) {
      Vec part = broadcast(0);
      for (int64_t row = first; row < end; ++row) part = part + load_left(x + row * stride + c, columns - c);
      alignas(64) float lanes[kLanes];
      part.store(lanes);
      for (int64_t lane = 0; lane < kLanes && c + lane < columns; ++lane) totals[c + lane] += lanes[lane];
    }
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

void sum_rows(const KernelContext& context, const Extent& e, double scale) {
  const int64_t rows_per_task = e.reduced < kElementsPerTask ? kElementsPerTask / (e.reduced + 1) + 1 : 1;
  parallel_for(context.pool, (e.outer + rows_per_task - 1) / rows_per_task, [&](int64_t task, int) {
    const int64_t end = (task + 1) * rows_per_task < e.outer ? (task + 1) * rows_per_task : e.outer;
    for (int64_t row = task * rows_per_task; row < end; ++row) {
      context.out(0).f32()[row] = static_cast<float>(sum_run(context.in(0).f32() + row * e.reduced, e.reduced) * scale);
    }
  });
}

// A task owns some columns and a piece of the rows. How rows are cut follows from the shape alone, and pieces are added
// in order. The caller is worker 0, and no task asks for scratch: its buffer holds the sums of all pieces.
void sum_columns(const KernelContext& context, const Extent& e, double scale) {
  const int64_t width = e.inner < kInnerBlock ? e.inner : kInnerBlock, blocks = (e.inner + width - 1) / width;
  const int64_t sums = e.outer * blocks;
  int64_t pieces = e.reduced * width / kLeastPiece;
  pieces = pieces < kTasks / sums ? pieces : kTasks / sums;
  if (pieces < 1) pieces = 1;
  auto* totals = static_cast<double*>(context.pool->scratch(0, sums * pieces * width * sizeof(double)));
  parallel_for(context.pool, sums * pieces, [&](int64_t task, int) {
    const int64_t piece = task % pieces, row = task / pieces / blocks, first = task / pieces % blocks * width;
    const int64_t begin = e.reduced * piece / pieces, end = e.reduced * (piece + 1) / pieces;
    sum_columns(context.in(0).f32() + (row * e.reduced + begin) * e.inner + first, end - begin, e.inner,
                e.inner - first < width ? e.inner - first : width, totals + task * width);
  });
  parallel_for(context.pool, sums, [&](int64_t task, int) {
    const int64_t row = task / blocks, first = task % blocks * width;
    for (int64_t c = 0; c < width && first + c < e.inner; ++c) {
      double total = 0;
      for (int64_t piece = 0; piece < pieces; ++piece) total += totals[(task * pieces + piece) * width + c];
      context.out(0).f32()[row * e.inner + first + c] = static_cast<float>(total * scale);
    }
  });
}

void scaled_sum(const KernelContext& context, bool mean) {
  const Extent e = extent_of(context);
  if (e.outer * e.inner == 0) return;
  const double scale = mean ? 1.0 / static_cast<double>(e.reduced) : 1.0;
  if (e.inner == 1) return sum_rows(context, e, scale);
  sum_columns(context, e, scale);
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

#include "device/cpu/rows.h"
#include "device/cpu/thread_pool.h"
#include "device/kernel.h"

namespace lmspt::LMSPT_ISA {

namespace {

struct Rows {
  const float* logits;
  const int32_t* targets;
  int64_t count, classes, ignore_index;

  bool counts(int64_t row) const { return targets[row] != ignore_index; }
  bool is_valid(int64_t row) const { return targets[row] >= 0 && targets[row] < classes; }

  // The share of every row that counts.
  double weight() const {
    int64_t counting = 0;
    for (int64_t row = 0; row < count; ++row) counting += counts(row);
    return counting ? 1.0 / static_cast<double>(counting) : 0;
  }
};

Rows rows_of(const KernelContext& context) {
  const Tensor logits = context.in(0);
  return {logits.f32(), context.in(1).i32(), logits.shape[0], logits.shape[1], context.attrs->i("ignore_index")};
}

// ---- kernels ----

double sum_of_exp(const float* x, int64_t size, float top) {
  return sum_row(
      size, [=](int64_t i, int64_t left) { return exp_falling(load_left(x + i, left, -INFINITY) - broadcast(top)); });
}

double row_loss(const Rows& rows, int64_t row) {
  if (!rows.counts(row)) return 0;
  if (!rows.is_valid(row)) return NAN;
  const float* x = rows.logits + row * rows.classes;
  const float top = max_row(x, rows.classes);
  return ::log(sum_of_exp(x, rows.classes, top)) + (static_cast<double>(top) - x[rows.targets[row]]);
}

// gx = scale (softmax(x) - one at the target)
void row_gradient(const Rows& rows, int64_t row, double scale, float* gx) {
  if (!rows.counts(row) || !rows.is_valid(row)) {
    for (int64_t i = 0; i < rows.classes; ++i) gx[i] = rows.counts(row) ? NAN : 0;
    return;
  }
  const float* x = rows.logits + row * rows.classes;
  const float top = max_row(x, rows.classes);
  const Vec factor = broadcast(static_cast<float>(scale / sum_of_exp(x, rows.classes, top)));
  for (int64_t i = 0; i < rows.classes; i += kLanes) {
    const int64_t left = rows.classes - i;
    store_left(exp_falling(load_left(x + i, left) - broadcast(top)) * factor, gx + i, left);
  }
  gx[rows.targets[row]] -= static_cast<float>(scale);
}

// ---- launchers ----

void cross_entropy(const KernelContext& context) {
  const Rows rows = rows_of(context);
  // The caller is worker 0, and no task asks for scratch: its buffer carries the losses to the sum.
  auto* losses = static_cast<double*>(context.pool->scratch(0, rows.count * sizeof(double)));
  parallel_for(context.pool, rows.count, [&](int64_t row, int) { losses[row] = row_loss(rows, row); });
  double total = 0;
  for (int64_t row = 0; row < rows.count; ++row) total += losses[row];
  *context.out(0).f32() = static_cast<float>(total * rows.weight());
}

void cross_entropy_grad(const KernelContext& context) {
  const Rows rows = rows_of(context);
  const double scale = *context.in(2).f32() * rows.weight();
  parallel_for(context.pool, rows.count,
               [&](int64_t row, int) { row_gradient(rows, row, scale, context.out(0).f32() + row * rows.classes); });
}

}  // namespace

void register_cross_entropy_cpu(KernelTable& table) {
  table.add("cross_entropy", cross_entropy);
  table.add("cross_entropy_grad", cross_entropy_grad);
}

}  // namespace lmspt::LMSPT_ISA

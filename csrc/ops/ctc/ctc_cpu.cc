// A task takes one item. Its states are blank, label, blank, label ... blank; sums over paths are kept as logarithms in
// double precision, since a path of hundreds of frames is too unlikely for numbers as they are.
#include "device/cpu/rows.h"
#include "device/cpu/thread_pool.h"
#include "device/kernel.h"

namespace lmspt::LMSPT_ISA {

namespace {

struct Items {
  const float* logits;
  const int32_t* targets;
  int64_t count, frames, classes, most_labels, blank;

  int64_t most_states() const { return 2 * most_labels + 1; }
};

Items items_of(const KernelContext& context) {
  const Tensor logits = context.in(0);
  const Tensor targets = context.in(1);
  return {logits.f32(),    targets.i32(),    logits.shape[0],          logits.shape[1],
          logits.shape[2], targets.shape[1], context.attrs->i("blank")};
}

struct Item {
  const float* logits;
  const int32_t* labels;
  int64_t frames, classes, blank, length;

  int64_t states() const { return 2 * length + 1; }
  int64_t symbol(int64_t state) const { return state % 2 ? labels[state / 2] : blank; }
  const float* frame(int64_t t) const { return logits + t * classes; }

  // Whether a path may go on from the state before the one before: not past a blank that has to stand.
  bool may_skip(int64_t state) const { return state % 2 && state >= 3 && labels[state / 2] != labels[state / 2 - 1]; }

  bool is_valid() const {
    for (int64_t i = 0; i < length; ++i) {
      if (labels[i] >= classes || labels[i] == blank) return false;
    }
    return true;
  }
};

Item item_of(const Items& items, int64_t index) {
  const int32_t* labels = items.targets + index * items.most_labels;
  int64_t length = 0;
  while (length < items.most_labels && labels[length] >= 0) ++length;
  const float* logits = items.logits + index * items.frames * items.classes;
  return {logits, labels, items.frames, items.classes, items.blank, length};
}

// ---- kernels ----

double log_of_sum(double a, double b) {
  const double high = a > b ? a : b;
  if (high == -INFINITY) return high;
  return high + ::log1p(::exp((a > b ? b : a) - high));
}

// Logarithm of the sum of the exponentials of every frame's logits: (T).
void normalizers(const Item& item, double* out) {
  for (int64_t t = 0; t < item.frames; ++t) {
    const float* x = item.frame(t);
    const float top = max_row(x, item.classes);
    const double total = sum_row(item.classes, [=](int64_t i, int64_t left) {
      return exp_falling(load_left(x + i, left, -INFINITY) - broadcast(top));
    });
    out[t] = top + ::log(total);
  }
}

double emission(const Item& item, const double* normalizer, int64_t t, int64_t state) {
  return item.frame(t)[item.symbol(state)] - normalizer[t];
}

// alpha (T, states): all paths that are in a state at a frame, this frame's symbol included.
void go_forward(const Item& item, const double* normalizer, double* alpha) {
  const int64_t states = item.states();
  for (int64_t s = 0; s < states; ++s) alpha[s] = s < 2 ? emission(item, normalizer, 0, s) : -INFINITY;
  for (int64_t t = 1; t < item.frames; ++t) {
    const double* before = alpha + (t - 1) * states;
    double* now = alpha + t * states;
    for (int64_t s = 0; s < states; ++s) {
      double sum = before[s];
      if (s >= 1) sum = log_of_sum(sum, before[s - 1]);
      if (item.may_skip(s)) sum = log_of_sum(sum, before[s - 2]);
      now[s] = sum + emission(item, normalizer, t, s);
    }
  }
}

// log p, from the last frame of alpha.
double log_probability(const Item& item, const double* alpha) {
  if (item.frames == 0) return item.length == 0 ? 0 : -INFINITY;
  const double* last = alpha + (item.frames - 1) * item.states();
  const int64_t states = item.states();
  return states == 1 ? last[0] : log_of_sum(last[states - 1], last[states - 2]);
}

// beta (states) of a frame from that of the frame behind, whose symbols are included; `later` is overwritten.
void go_back(const Item& item, const double* normalizer, int64_t t, double* later, double* beta) {
  const int64_t states = item.states();
  for (int64_t s = 0; s < states; ++s) later[s] += emission(item, normalizer, t + 1, s);
  for (int64_t s = 0; s < states; ++s) {
    double sum = later[s];
    if (s + 1 < states) sum = log_of_sum(sum, later[s + 1]);
    if (s + 2 < states && item.may_skip(s + 2)) sum = log_of_sum(sum, later[s + 2]);
    beta[s] = sum;
  }
}

double share_of(const Items& items, const Item& item) {
  return 1.0 / (static_cast<double>(items.count) * (item.length > 0 ? item.length : 1));
}

void fill(const Item& item, float value, float* gx) {
  for (int64_t i = 0; i < item.frames * item.classes; ++i) gx[i] = value;
}

// gx = scale (softmax(x) - the share of all paths that are at a class)
void item_gradient(const Item& item, double scale, double* scratch, float* gx) {
  if (!item.is_valid()) return fill(item, NAN, gx);
  const int64_t states = item.states();
  double* normalizer = scratch;
  double* alpha = normalizer + item.frames;
  double* beta = alpha + item.frames * states;
  double* later = beta + states;
  normalizers(item, normalizer);
  if (item.frames > 0) go_forward(item, normalizer, alpha);
  const double total = log_probability(item, alpha);
  if (total == -INFINITY) return fill(item, 0, gx);
  for (int64_t t = item.frames - 1; t >= 0; --t) {
    if (t == item.frames - 1) {
      for (int64_t s = 0; s < states; ++s) beta[s] = s + 2 >= states ? 0 : -INFINITY;
    } else {
      double* swapped = later;
      later = beta;
      beta = swapped;
      go_back(item, normalizer, t, later, beta);
    }
    const float* x = item.frame(t);
    float* gradient = gx + t * item.classes;
    for (int64_t i = 0; i < item.classes; ++i) {
      gradient[i] = static_cast<float>(scale * ::exp(x[i] - normalizer[t]));
    }
    for (int64_t s = 0; s < states; ++s) {
      const double share = ::exp(alpha[t * states + s] + beta[s] - total);
      gradient[item.symbol(s)] -= static_cast<float>(scale * share);
    }
  }
}

double item_loss(const Item& item, double* scratch) {
  if (!item.is_valid()) return NAN;
  double* alpha = scratch + item.frames;
  normalizers(item, scratch);
  if (item.frames > 0) go_forward(item, scratch, alpha);
  const double total = log_probability(item, alpha);
  return total == -INFINITY ? 0 : -total;
}

size_t scratch_bytes(const Items& items) {
  return (items.frames * (1 + items.most_states()) + 2 * items.most_states()) * sizeof(double);
}

// ---- launchers ----

void ctc_loss(const KernelContext& context) {
  const Items items = items_of(context);
  // Every task adds to its own place; worker 0 is the caller, whose scratch tasks use too: the losses stand in front.
  const size_t in_front = items.count * sizeof(double);
  auto* losses = static_cast<double*>(context.pool->scratch(0, in_front + scratch_bytes(items)));
  parallel_for(context.pool, items.count, [&](int64_t index, int worker) {
    auto* scratch =
        worker == 0 ? losses + items.count : static_cast<double*>(context.pool->scratch(worker, scratch_bytes(items)));
    const Item item = item_of(items, index);
    losses[index] = item_loss(item, scratch) * share_of(items, item);
  });
  double total = 0;
  for (int64_t index = 0; index < items.count; ++index) total += losses[index];
  *context.out(0).f32() = static_cast<float>(total);
}

void ctc_loss_grad(const KernelContext& context) {
  const Items items = items_of(context);
  const double gy = *context.in(2).f32();
  parallel_for(context.pool, items.count, [&](int64_t index, int worker) {
    const Item item = item_of(items, index);
    auto* scratch = static_cast<double*>(context.pool->scratch(worker, scratch_bytes(items)));
    item_gradient(item, gy * share_of(items, item), scratch,
                  context.out(0).f32() + index * items.frames * items.classes);
  });
}

}  // namespace

void register_ctc_cpu(KernelTable& table) {
  table.add("ctc_loss", ctc_loss);
  table.add("ctc_loss_grad", ctc_loss_grad);
}

}  // namespace lmspt::LMSPT_ISA

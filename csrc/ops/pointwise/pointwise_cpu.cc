#include <math.h>

#include "device/cpu/math.h"
#include "device/cpu/thread_pool.h"
#include "device/kernel.h"
#include "ops/pointwise/broadcast.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kBlock = 4096;  // elements per task

template <class Function>
LMSPT_INLINE Vec each_lane(Vec x, Function function) {
  alignas(64) float lanes[kLanes];
  x.store(lanes);
  for (int i = 0; i < kLanes; ++i) lanes[i] = function(lanes[i]);
  return Vec::load(lanes);
}

struct Constants {
  Vec a, b;
};

// ---- formulas ----

#define UNARY(name, expression)                                     \
  struct name##_formula {                                           \
    static LMSPT_INLINE Vec of(Vec x, const Constants& constants) { \
      (void)constants;                                              \
      return expression;                                            \
    }                                                               \
  };
#define BINARY(name, expression)                                           \
  struct name##_formula {                                                  \
    static LMSPT_INLINE Vec of(Vec x, Vec y, const Constants& constants) { \
      (void)constants;                                                     \
      return expression;                                                   \
    }                                                                      \
  };

LMSPT_INLINE Vec zero() { return broadcast(0); }
LMSPT_INLINE Vec one() { return broadcast(1); }
LMSPT_INLINE Vec logistic(Vec x) { return one() / (one() + exp(zero() - x)); }

UNARY(neg, zero() - x)
UNARY(abs, max(zero() - x, x))
UNARY(sign, select_less(x, zero(), broadcast(-1), select_less(zero(), x, one(), zero())))
UNARY(round, round(x))
UNARY(square, x* x)
UNARY(sqrt, sqrt(x))
UNARY(exp, exp(x))
UNARY(log, each_lane(x, [](float value) { return ::logf(value); }))
UNARY(tanh, tanh(x))
UNARY(sigmoid, logistic(x))
UNARY(silu, x* logistic(x))
UNARY(gelu, gelu(x))
UNARY(leaky_relu, select_less(x, zero(), x* constants.a, x))
UNARY(clamp, min(constants.b, max(constants.a, x)))
UNARY(affine, fma(x, constants.a, constants.b))
BINARY(add, x + y)
BINARY(sub, x - y)
BINARY(mul, x* y)
BINARY(div, x / y)
BINARY(maximum, max(x, y))
BINARY(minimum, min(x, y))
BINARY(greater_equal, select_less(x, y, zero(), one()))
// Gradients with respect to x, times y.
BINARY(gelu_grad, gelu_grad(x, y))
BINARY(silu_grad, y* logistic(x) * fma(x, one() - logistic(x), one()))
BINARY(leaky_relu_grad, select_less(x, zero(), y* constants.a, y))
BINARY(clamp_grad, select_less(x, constants.a, zero(), select_less(constants.b, x, zero(), y)))

// ---- kernels ----

template <class Formula>
void unary_run(const float* x, float* out, int64_t count, const Constants& constants) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) Formula::of(Vec::load(x + i), constants).store(out + i);
  const int left = static_cast<int>(count - i);
  if (left) store_part(Formula::of(load_part(x + i, left), constants), out + i, left);
}

LMSPT_INLINE Vec load_strided(const float* p, int64_t stride, int64_t i) {
  return stride ? Vec::load(p + i) : broadcast(*p);
}
LMSPT_INLINE Vec load_part_strided(const float* p, int64_t stride, int64_t i, int n) {
  return stride ? load_part(p + i, n, 1) : broadcast(*p);
}

// One run of the innermost dimension; strides are 0 or 1.
template <class Formula>
void binary_run(const float* x, int64_t x_stride, const float* y, int64_t y_stride, float* out, int64_t count,
                const Constants& constants) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Formula::of(load_strided(x, x_stride, i), load_strided(y, y_stride, i), constants).store(out + i);
  }
  const int left = static_cast<int>(count - i);
  if (left) {
    store_part(Formula::of(load_part_strided(x, x_stride, i, left), load_part_strided(y, y_stride, i, left), constants),
               out + i, left);
  }
}

// ---- launchers ----

Constants constants_of(const KernelContext& context) {
  return {broadcast(static_cast<float>(context.attrs->f("a"))), broadcast(static_cast<float>(context.attrs->f("b")))};
}

template <class Formula>
void unary(const KernelContext& context) {
  const int64_t count = context.out(0).shape.count();
  const Constants constants = constants_of(context);
  parallel_for(context.pool, (count + kBlock - 1) / kBlock, [&](int64_t block, int) {
    const int64_t first = block * kBlock, n = count - first < kBlock ? count - first : kBlock;
    unary_run<Formula>(context.in(0).f32() + first, context.out(0).f32() + first, n, constants);
  });
}

template <class Formula>
void binary(const KernelContext& context) {
  const int64_t count = context.out(0).shape.count();
  if (count == 0) return;
  const BroadcastPlan plan = plan_broadcast(context.in(0).shape, context.in(1).shape, context.out(0).shape);
  const Constants constants = constants_of(context);
  const int inner = plan.rank - 1;
  const int64_t run = plan.size[inner];
  const int64_t pieces = (run + kBlock - 1) / kBlock;  // of one run
  const int64_t runs_per_task = run < kBlock ? kBlock / run : 1;
  const int64_t units = count / run * pieces;
  parallel_for(context.pool, (units + runs_per_task - 1) / runs_per_task, [&](int64_t task, int) {
    const int64_t end = (task + 1) * runs_per_task < units ? (task + 1) * runs_per_task : units;
    for (int64_t unit = task * runs_per_task; unit < end; ++unit) {
      int64_t index = unit / pieces, x_at = 0, y_at = 0;
      const int64_t first = unit % pieces * kBlock;
      float* out = context.out(0).f32() + index * run + first;
      for (int dim = inner - 1; dim >= 0; --dim) {
        const int64_t i = index % plan.size[dim];
        index /= plan.size[dim];
        x_at += i * plan.x_stride[dim];
        y_at += i * plan.y_stride[dim];
      }
      binary_run<Formula>(context.in(0).f32() + x_at + first * plan.x_stride[inner], plan.x_stride[inner],
                          context.in(1).f32() + y_at + first * plan.y_stride[inner], plan.y_stride[inner], out,
                          run - first < kBlock ? run - first : kBlock, constants);
    }
  });
}

}  // namespace

void register_pointwise_cpu(KernelTable& table) {
#define LMSPT_UNARY(name, gradient) table.add(#name, unary<name##_formula>);
#define LMSPT_BINARY(name, gradient) table.add(#name, binary<name##_formula>);
#include "ops/pointwise/pointwise.def"
#undef LMSPT_UNARY
#undef LMSPT_BINARY
}

}  // namespace lmspt::LMSPT_ISA

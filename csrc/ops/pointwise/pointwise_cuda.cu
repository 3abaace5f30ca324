// Elementwise ops on CUDA, four neighbouring elements at a time where the tensors allow it. The formulas are those of
// pointwise_cpu.cc, comparisons included, so that NaN and infinity come out alike.
#include "device/cuda/launch.h"
#include "device/cuda/math.h"
#include "device/cuda/numbers.h"
#include "ops/pointwise/broadcast.h"

namespace lmspt::cuda {

namespace {

struct Constants {
  float a, b;
};

// ---- formulas ----

#define UNARY(name, expression)                                                                      \
  struct name##_formula {                                                                            \
    static __device__ float of(float x, [[maybe_unused]] Constants constants) { return expression; } \
  };
#define BINARY(name, expression)                                                                              \
  struct name##_formula {                                                                                     \
    static __device__ float of(float x, float y, [[maybe_unused]] Constants constants) { return expression; } \
  };

// The second argument where either is NaN.
__device__ float larger(float a, float b) { return a > b ? a : b; }
__device__ float smaller(float a, float b) { return a < b ? a : b; }
__device__ float logistic(float x) { return 1.f / (1.f + expf(-x)); }

UNARY(neg, 0.f - x)
UNARY(abs, larger(0.f - x, x))
UNARY(sign, x < 0.f ? -1.f : (0.f < x ? 1.f : 0.f))
UNARY(round, rintf(x))
UNARY(square, x* x)
UNARY(sqrt, sqrtf(x))
UNARY(exp, expf(x))
UNARY(log, logf(x))
UNARY(tanh, tanhf(x))
UNARY(sigmoid, logistic(x))
UNARY(silu, x* logistic(x))
UNARY(gelu, gelu(x))
UNARY(leaky_relu, x < 0.f ? x * constants.a : x)
UNARY(clamp, smaller(constants.b, larger(constants.a, x)))
UNARY(affine, fmaf(x, constants.a, constants.b))
BINARY(add, x + y)
BINARY(sub, x - y)
BINARY(mul, x* y)
BINARY(div, x / y)
BINARY(maximum, larger(x, y))
BINARY(minimum, smaller(x, y))
BINARY(greater_equal, x < y ? 0.f : 1.f)
// Gradients with respect to x, times y.
BINARY(gelu_grad, gelu_grad(x, y))
BINARY(silu_grad, y* logistic(x) * fmaf(x, 1.f - logistic(x), 1.f))
BINARY(leaky_relu_grad, x < 0.f ? y * constants.a : y)
BINARY(clamp_grad, x < constants.a || constants.b < x ? 0.f : y)

// ---- kernels ----

constexpr int64_t kWidth = 4;
constexpr int kAhead = 2;  // fours that a thread reads before it computes the first

// Four neighbours, or one element four times.
__device__ void load4(const Numbers& x, int64_t at, int64_t stride, float (&values)[kWidth]) {
  if (stride) return x.load<kWidth>(at, values);
  x.load<1>(at, values);
  values[1] = values[2] = values[3] = values[0];
}

// The fours quad, quad + unit_step(), ... as far as there are so many, else `quad` again. What the numbers are is
// known, so that no load waits for another.
template <bool kHalves>
__device__ void load_ahead(const Numbers& x, int64_t quad, int64_t quads, float (&values)[kAhead][kWidth]) {
#pragma unroll
  for (int n = 0; n < kAhead; ++n) {
    const int64_t next = quad + n * unit_step();
    x.load_as<kWidth, kHalves>((next < quads ? next : quad) * kWidth, values[n]);
  }
}

// The first `quads` * kWidth elements by fours, the rest singly.
template <class Formula, bool kHalves>
__global__ void unary_kernel(const Numbers x, const Numbers out, int64_t count, int64_t quads, Constants constants) {
  for (int64_t first = first_unit(); first < quads; first += kAhead * unit_step()) {
    float values[kAhead][kWidth];
    load_ahead<kHalves>(x, first, quads, values);
#pragma unroll
    for (int n = 0; n < kAhead; ++n) {
      const int64_t quad = first + n * unit_step();
      if (quad >= quads) break;
      for (float& value : values[n]) value = Formula::of(value, constants);
      out.store<kWidth>(quad * kWidth, values[n]);
    }
  }
  for (int64_t i = quads * kWidth + first_unit(); i < count; i += unit_step()) {
    float value;
    x.load<1>(i, &value);
    value = Formula::of(value, constants);
    out.store<1>(i, &value);
  }
}

// x and y of one shape, in fours alone.
template <class Formula, bool kHalvesOfX, bool kHalvesOfY>
__global__ void plain_binary_kernel(const Numbers x, const Numbers y, const Numbers out, int64_t quads,
                                    Constants constants) {
  for (int64_t first = first_unit(); first < quads; first += kAhead * unit_step()) {
    float u[kAhead][kWidth], v[kAhead][kWidth];
    load_ahead<kHalvesOfX>(x, first, quads, u);
    load_ahead<kHalvesOfY>(y, first, quads, v);
#pragma unroll
    for (int n = 0; n < kAhead; ++n) {
      const int64_t quad = first + n * unit_step();
      if (quad >= quads) break;
      for (int i = 0; i < kWidth; ++i) u[n][i] = Formula::of(u[n][i], v[n][i], constants);
      out.store<kWidth>(quad * kWidth, u[n]);
    }
  }
}

struct Places {
  int64_t x, y;
};

// Where the output's element i comes from. Index is int32_t where that holds the count: dividing is the slow part.
template <class Index>
__device__ Places places_of(const BroadcastPlan& plan, Index i) {
  Places places{0, 0};
  for (int dim = plan.rank - 1; dim > 0; --dim) {
    const Index size = static_cast<Index>(plan.size[dim]), rest = i / size, at = i - rest * size;
    places.x += at * plan.x_stride[dim];
    places.y += at * plan.y_stride[dim];
    i = rest;
  }
  return {places.x + i * plan.x_stride[0], places.y + i * plan.y_stride[0]};
}

// Fours do not reach beyond a run of the innermost dimension.
template <class Formula, class Index>
__global__ void binary_kernel(BroadcastPlan plan, const Numbers x, const Numbers y, const Numbers out, int64_t count,
                              int64_t quads, Constants constants) {
  const int64_t x_stride = plan.x_stride[plan.rank - 1], y_stride = plan.y_stride[plan.rank - 1];
  for (int64_t quad = first_unit(); quad < quads; quad += unit_step()) {
    const Places at = places_of(plan, static_cast<Index>(quad * kWidth));
    float u[kWidth], v[kWidth];
    load4(x, at.x, x_stride, u);
    load4(y, at.y, y_stride, v);
    for (int i = 0; i < kWidth; ++i) u[i] = Formula::of(u[i], v[i], constants);
    out.store<kWidth>(quad * kWidth, u);
  }
  for (int64_t i = quads * kWidth + first_unit(); i < count; i += unit_step()) {
    const Places at = places_of(plan, static_cast<Index>(i));
    float u, v;
    x.load<1>(at.x, &u);
    y.load<1>(at.y, &v);
    u = Formula::of(u, v, constants);
    out.store<1>(i, &u);
  }
}

// ---- launchers ----

Constants constants_of(const KernelContext& context) {
  return {static_cast<float>(context.attrs->f("a")), static_cast<float>(context.attrs->f("b"))};
}

template <class Formula>
void unary(const KernelContext& context) {
  const Numbers x(context.in(0)), out(context.out(0));
  const int64_t count = context.out(0).shape.count();
  const int64_t quads = are_in_fours(x) && are_in_fours(out) ? count / kWidth : 0;
  const auto kernel = x.halves ? unary_kernel<Formula, true> : unary_kernel<Formula, false>;
  const int64_t units = quads ? (quads + kAhead - 1) / kAhead : count;
  launch_threads(context, kernel, units, x, out, count, quads, constants_of(context));
}

template <class Formula>
auto plain_binary_kernel_for(const Numbers& x, const Numbers& y) {
  if (x.halves) return y.halves ? plain_binary_kernel<Formula, true, true> : plain_binary_kernel<Formula, true, false>;
  return y.halves ? plain_binary_kernel<Formula, false, true> : plain_binary_kernel<Formula, false, false>;
}

template <class Formula>
void binary(const KernelContext& context) {
  const Tensor x = context.in(0), y = context.in(1), out = context.out(0);
  const int64_t count = out.shape.count();
  if (count == 0) return;
  const BroadcastPlan plan = plan_broadcast(x.shape, y.shape, out.shape);
  const bool whole_runs = plan.rank == 1 || plan.size[plan.rank - 1] % kWidth == 0;
  const Numbers a(x), b(y), c(out);
  const int64_t quads = whole_runs && are_in_fours(a) && are_in_fours(b) && are_in_fours(c) ? count / kWidth : 0;
  if (quads * kWidth == count && plan.rank == 1 && plan.x_stride[0] == 1 && plan.y_stride[0] == 1) {
    launch_threads(context, plain_binary_kernel_for<Formula>(a, b), (quads + kAhead - 1) / kAhead, a, b, c, quads,
                   constants_of(context));
    return;
  }
  const auto kernel = count <= INT32_MAX ? binary_kernel<Formula, int32_t> : binary_kernel<Formula, int64_t>;
  launch_threads(context, kernel, quads ? quads : count, plan, a, b, c, count, quads, constants_of(context));
}

}  // namespace

void register_pointwise_cuda(KernelTable& table) {
#define LMSPT_UNARY(name, gradient)        \
  table.add(#name, unary<name##_formula>); \
  table.takes_bf16(#name, {.inputs = 1 << 0, .outputs = 1 << 0});
#define LMSPT_BINARY(name, gradient)        \
  table.add(#name, binary<name##_formula>); \
  table.takes_bf16(#name, {.inputs = 1 << 0 | 1 << 1, .outputs = 1 << 0});
#include "ops/pointwise/pointwise.def"
#undef LMSPT_UNARY
#undef LMSPT_BINARY
}

}  // namespace lmspt::cuda

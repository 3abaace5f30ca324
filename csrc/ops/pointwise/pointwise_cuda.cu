// Elementwise ops on CUDA, four neighbouring elements at a time where the tensors allow it. The formulas are those of
// pointwise_cpu.cc, comparisons included, so that NaN and infinity come out alike.
#include "device/cuda/launch.h"
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
__device__ float normal_cdf(float x) { return 0.5f * (1.f + erff(x * 0.707106781f)); }

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
UNARY(gelu, x* normal_cdf(x))
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
BINARY(gelu_grad, y* fmaf(x * 0.39894228f, expf(-0.5f * x * x), normal_cdf(x)))
BINARY(silu_grad, y* logistic(x) * fmaf(x, 1.f - logistic(x), 1.f))
BINARY(leaky_relu_grad, x < 0.f ? y * constants.a : y)
BINARY(clamp_grad, x < constants.a || constants.b < x ? 0.f : y)

// ---- kernels ----

constexpr int64_t kWidth = 4;  // elements of a float4

__device__ float4 load4(const float* p, int64_t stride) {
  return stride ? *reinterpret_cast<const float4*>(p) : make_float4(*p, *p, *p, *p);
}
__device__ void store4(float* p, float4 value) { *reinterpret_cast<float4*>(p) = value; }

// The first `quads` * kWidth elements by fours, the rest singly.
template <class Formula>
__global__ void unary_kernel(const float* x, float* out, int64_t count, int64_t quads, Constants constants) {
  for (int64_t quad = first_unit(); quad < quads; quad += unit_step()) {
    const float4 v = load4(x + quad * kWidth, 1);
    store4(out + quad * kWidth, make_float4(Formula::of(v.x, constants), Formula::of(v.y, constants),
                                            Formula::of(v.z, constants), Formula::of(v.w, constants)));
  }
  for (int64_t i = quads * kWidth + first_unit(); i < count; i += unit_step()) out[i] = Formula::of(x[i], constants);
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
__global__ void binary_kernel(BroadcastPlan plan, const float* x, const float* y, float* out, int64_t count,
                              int64_t quads, Constants constants) {
  const int64_t x_stride = plan.x_stride[plan.rank - 1], y_stride = plan.y_stride[plan.rank - 1];
  for (int64_t quad = first_unit(); quad < quads; quad += unit_step()) {
    const Places at = places_of(plan, static_cast<Index>(quad * kWidth));
    const float4 u = load4(x + at.x, x_stride), v = load4(y + at.y, y_stride);
    store4(out + quad * kWidth, make_float4(Formula::of(u.x, v.x, constants), Formula::of(u.y, v.y, constants),
                                            Formula::of(u.z, v.z, constants), Formula::of(u.w, v.w, constants)));
  }
  for (int64_t i = quads * kWidth + first_unit(); i < count; i += unit_step()) {
    const Places at = places_of(plan, static_cast<Index>(i));
    out[i] = Formula::of(x[at.x], y[at.y], constants);
  }
}

// ---- launchers ----

Constants constants_of(const KernelContext& context) {
  return {static_cast<float>(context.attrs->f("a")), static_cast<float>(context.attrs->f("b"))};
}

bool aligned(const Tensor& tensor) { return reinterpret_cast<uintptr_t>(tensor.data) % sizeof(float4) == 0; }

template <class Formula>
void unary(const KernelContext& context) {
  const Tensor x = context.in(0), out = context.out(0);
  const int64_t count = out.shape.count();
  const int64_t quads = aligned(x) && aligned(out) ? count / kWidth : 0;
  launch_threads(context, unary_kernel<Formula>, quads ? quads : count, x.f32(), out.f32(), count, quads,
                 constants_of(context));
}

template <class Formula>
void binary(const KernelContext& context) {
  const Tensor x = context.in(0), y = context.in(1), out = context.out(0);
  const int64_t count = out.shape.count();
  if (count == 0) return;
  const BroadcastPlan plan = plan_broadcast(x.shape, y.shape, out.shape);
  const bool whole_runs = plan.rank == 1 || plan.size[plan.rank - 1] % kWidth == 0;
  const int64_t quads = whole_runs && aligned(x) && aligned(y) && aligned(out) ? count / kWidth : 0;
  const auto kernel = count <= INT32_MAX ? binary_kernel<Formula, int32_t> : binary_kernel<Formula, int64_t>;
  launch_threads(context, kernel, quads ? quads : count, plan, x.f32(), y.f32(), out.f32(), count, quads,
                 constants_of(context));
}

}  // namespace

void register_pointwise_cuda(KernelTable& table) {
#define LMSPT_UNARY(name, gradient) table.add(#name, unary<name##_formula>);
#define LMSPT_BINARY(name, gradient) table.add(#name, binary<name##_formula>);
#include "ops/pointwise/pointwise.def"
#undef LMSPT_UNARY
#undef LMSPT_BINARY
}

}  // namespace lmspt::cuda

// A thread stays in its channels and goes down the rows, so that alpha and its inverse are computed once.
#include "device/cuda/column_sums.h"
#include "device/cuda/math.h"

namespace lmspt::cuda {

namespace {

struct Rows2d {
  int64_t rows, channels;
};

Rows2d rows_of(const Tensor& x) { return {x.shape.count_before(x.shape.rank - 1), x.shape[-1]}; }

// ---- kernels ----

// `Width` neighbouring channels at a time: 4, or 1 where rows do not begin at multiples of 16 bytes.
template <int Width>
__global__ void snake_kernel(Rows2d size, const float* x, const float* alpha, float* y) {
  using Group = std::conditional_t<Width == 4, float4, float>;
  const int64_t columns = size.channels / Width, threads = unit_step();
  const int64_t lanes = threads > columns ? threads / columns : 1;  // threads that share a column
  const int64_t lane = first_unit() / columns;
  if (lane >= lanes) return;
  for (int64_t column = first_unit() % columns; column < columns; column += threads) {
    float factor[Width], inverse[Width];
    for (int i = 0; i < Width; ++i) {
      factor[i] = alpha[column * Width + i];
      inverse[i] = snake_inverse(factor[i]);
    }
    for (int64_t row = lane; row < size.rows; row += lanes) {
      const int64_t at = (row * columns + column) * Width;
      Group group = *reinterpret_cast<const Group*>(x + at);
      float* values = reinterpret_cast<float*>(&group);
      for (int i = 0; i < Width; ++i) values[i] = snake(values[i], factor[i], inverse[i]);
      *reinterpret_cast<Group*>(y + at) = group;
    }
  }
}

// With s = sin(2 alpha x), i = 1 / (alpha + 1e-9): dy/dx = 1 + alpha s i, dy/dalpha = x s i - sin^2(alpha x) i^2.
struct SnakeGradient {
  static constexpr int kSums = 1;
  struct State {
    float alpha, inverse;
  };
  const float *x, *alpha, *gy;
  float* gx;
  int64_t channels;

  __device__ State begin(int64_t column) const { return {alpha[column], snake_inverse(alpha[column])}; }
  __device__ void add(const State& p, int64_t row, int64_t column, float* sums) const {
    const int64_t at = row * channels + column;
    const float value = x[at], gradient = gy[at], s = sine(p.alpha * (value + value));
    gx[at] = fmaf(gradient * p.alpha * p.inverse, s, gradient);
    const float square = sine_squared(p.alpha * value) * p.inverse;
    sums[0] = fmaf(gradient * p.inverse, value * s - square, sums[0]);
  }
};

// ---- launchers ----

bool fits_float4(const void* p) { return reinterpret_cast<uintptr_t>(p) % sizeof(float4) == 0; }

void snake_forward(const KernelContext& context) {
  const Tensor x = context.in(0), alpha = context.in(1), y = context.out(0);
  const Rows2d size = rows_of(x);
  const int64_t count = x.shape.count();
  if (size.channels % 4 == 0 && fits_float4(x.data) && fits_float4(y.data)) {
    launch_threads(context, snake_kernel<4>, count / 4, size, x.f32(), alpha.f32(), y.f32());
  } else {
    launch_threads(context, snake_kernel<1>, count, size, x.f32(), alpha.f32(), y.f32());
  }
}

void snake_backward(const KernelContext& context) {
  const Tensor x = context.in(0), alpha = context.in(1), gy = context.in(2);
  const Rows2d size = rows_of(x);
  const SnakeGradient term{x.f32(), alpha.f32(), gy.f32(), context.out(0).f32(), size.channels};
  float* const galpha = context.out(1).f32();
  sum_columns(context, term, size.rows, size.channels, &galpha);
}

}  // namespace

void register_snake_cuda(KernelTable& table) {
  table.add("snake", snake_forward);
  table.add("snake_grad", snake_backward);
}

}  // namespace lmspt::cuda

// A thread stays in its channels and goes down the rows, so that alpha and its inverse are computed once.
#include "device/cuda/column_sums.h"
#include "device/cuda/math.h"
#include "device/cuda/numbers.h"
#include "ops/snake/next_snake_cuda.h"

namespace lmspt::cuda {

namespace {

struct Rows2d {
  int64_t rows, channels;
};

Rows2d rows_of(const Tensor& x) { return {x.shape.count_before(x.shape.rank - 1), x.shape[-1]}; }

// ---- kernels ----

// `Width` neighbouring channels at a time: 4, or 1 where rows do not begin at multiples of four.
template <int Width>
__global__ void snake_kernel(Rows2d size, const Numbers x, const float* alpha, const Numbers y) {
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
      float values[Width];
      x.load<Width>(at, values);
      for (int i = 0; i < Width; ++i) values[i] = snake(values[i], factor[i], inverse[i]);
      y.store<Width>(at, values);
    }
  }
}

template <bool kHalves>
__device__ float load_one(const Numbers& x, int64_t at) {
  float value;
  x.load_as<1, kHalves>(at, &value);
  return value;
}

// With s = sin(2 alpha x), i = 1 / (alpha + 1e-9): dy/dx = 1 + alpha s i, dy/dalpha = x s i - sin^2(alpha x) i^2.
template <bool kHalvesOfX, bool kHalvesOfGy>
struct SnakeGradient {
  static constexpr int kSums = 1;
  struct State {
    float alpha, inverse;
  };
  struct Pair {
    float value, gradient;
  };
  Numbers x, gy, gx;
  const float* alpha;
  int64_t channels;

  __device__ State begin(int64_t column) const { return {alpha[column], snake_inverse(alpha[column])}; }
  __device__ Pair read(int64_t row, int64_t column) const {
    const int64_t at = row * channels + column;
    return {load_one<kHalvesOfX>(x, at), load_one<kHalvesOfGy>(gy, at)};
  }
  __device__ void add(const State& p, int64_t row, int64_t column, const Pair& pair, float* sums) const {
    const auto [value, gradient] = pair;
    const float s = sine(p.alpha * (value + value)), result = fmaf(gradient * p.alpha * p.inverse, s, gradient);
    gx.store<1>(row * channels + column, &result);
    const float square = sine_squared(p.alpha * value) * p.inverse;
    sums[0] = fmaf(gradient * p.inverse, value * s - square, sums[0]);
  }
};

// ---- launchers ----

void run_snake(const KernelContext& context, const Tensor& source, const float* alpha, const Tensor& target) {
  const Rows2d size = rows_of(source);
  const Numbers x(source), y(target);
  const int64_t count = size.rows * size.channels;
  if (size.channels % 4 == 0 && are_in_fours(x) && are_in_fours(y)) {
    launch_threads(context, snake_kernel<4>, count / 4, size, x, alpha, y);
  } else {
    launch_threads(context, snake_kernel<1>, count, size, x, alpha, y);
  }
}

void snake_forward(const KernelContext& context) {
  run_snake(context, context.in(0), context.in(1).f32(), context.out(0));
}

template <bool kHalvesOfX, bool kHalvesOfGy>
void run_gradient(const KernelContext& context) {
  const Tensor x = context.in(0);
  const Rows2d size = rows_of(x);
  const SnakeGradient<kHalvesOfX, kHalvesOfGy> term{Numbers(x), Numbers(context.in(2)), Numbers(context.out(0)),
                                                    context.in(1).f32(), size.channels};
  float* const galpha = context.out(1).f32();
  sum_columns(context, term, size.rows, size.channels, &galpha);
}

void snake_backward(const KernelContext& context) {
  const bool halves_of_gy = Numbers(context.in(2)).halves;
  if (Numbers(context.in(0)).halves) {
    halves_of_gy ? run_gradient<true, true>(context) : run_gradient<true, false>(context);
  } else {
    halves_of_gy ? run_gradient<false, true>(context) : run_gradient<false, false>(context);
  }
}

}  // namespace

void snake_result(const KernelContext& context, int next_alpha) {
  const int64_t activated = context.attrs->i("activated");
  if (activated == 0) return;
  run_snake(context, context.out(0), context.in(next_alpha).f32(), context.out(static_cast<int>(activated) - 1));
}

void register_snake_cuda(KernelTable& table) {
  table.add("snake", snake_forward);
  table.takes_bf16("snake_grad", {.inputs = 1 << 0 | 1 << 2, .outputs = 1 << 0});
  table.takes_bf16("snake", {.inputs = 1 << 0, .outputs = 1 << 0});
  table.add("snake_grad", snake_backward);
}

}  // namespace lmspt::cuda

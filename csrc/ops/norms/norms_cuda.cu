// A group of threads takes a row; sums as in norms_cpu.cc, in single precision for a short run, in double beyond.
#include "device/cuda/column_sums.h"
#include "device/cuda/numbers.h"
#include "device/cuda/softmax.h"
#include "device/cuda/warp_row.h"

namespace lmspt::cuda {

namespace {

struct Rows2d {
  int64_t rows, size;
};

Rows2d rows_of(const Tensor& x) { return {x.shape.count_before(x.shape.rank - 1), x.shape[-1]}; }

__device__ float load_one(const Numbers& x, int64_t at) {
  float value;
  x.load<1>(at, &value);
  return value;
}

// What makes a row its normalised form: (x - mean) * scale. The mean of rms_norm is 0.
struct Statistics {
  float mean, scale;

  __device__ float normalized(float x) const { return (x - mean) * scale; }
};

// Norms measure the row x(i) of `size` values by sum(part), the sum of part(i) over the row.
struct LayerNorm {
  static constexpr bool kCentered = true;

  template <class Row, class Sum>
  static __device__ Statistics measure(const Row& x, int64_t size, double epsilon, const Sum& sum) {
    const float center = static_cast<float>(sum(x) / size);
    const double square = sum([&](auto i) { return (x(i) - center) * (x(i) - center); });
    return {center, static_cast<float>(1 / sqrt(square / size + epsilon))};
  }
};

struct RmsNorm {
  static constexpr bool kCentered = false;

  template <class Row, class Sum>
  static __device__ Statistics measure(const Row& x, int64_t size, double epsilon, const Sum& sum) {
    const double square = sum([&](auto i) { return x(i) * x(i); });
    return {0, static_cast<float>(1 / sqrt(square / size + epsilon))};
  }
};

// ---- kernels ----

template <class Norm, class Group, class Row>
__device__ Statistics measure(const Row& x, int64_t size, double epsilon) {
  return Norm::measure(x, size, epsilon, [=](const auto& part) { return sum_row<Group>(size, part); });
}

template <class Norm, int kFours>
__device__ Statistics measure(const WarpRow<kFours>& x, int size, double epsilon) {
  return Norm::measure(x, size, epsilon, [=](const auto& part) { return WarpRow<kFours>::sum(size, part); });
}

// y = normalized(x) * w + bias
template <class Norm, class Group>
__global__ void normalize_kernel(Rows2d size, double epsilon, const float* x, const float* w, const float* bias,
                                 const Numbers y) {
  for (int64_t row = Group::first_row(); row < size.rows; row += Group::row_step()) {
    const float* row_of_x = x + row * size.size;
    const auto source = [=](int64_t i) { return row_of_x[i]; };
    const Statistics statistics = measure<Norm, Group>(source, size.size, epsilon);
    for (int64_t i = Group::rank(); i < size.size; i += Group::size()) {
      const float value = fmaf(statistics.normalized(source(i)), w[i], bias ? bias[i] : 0.f);
      y.store<1>(row * size.size + i, &value);
    }
  }
}

// sum = x + other, y = normalized(sum) * w + bias. The row is added up anew whenever it is read: both parts lie in the
// first-level cache by then.
template <class Norm, class Group>
__global__ void normalize_sum_kernel(Rows2d size, double epsilon, const Numbers x, const Numbers other, const float* w,
                                     const float* bias, float* sum, const Numbers y) {
  for (int64_t row = Group::first_row(); row < size.rows; row += Group::row_step()) {
    const int64_t start = row * size.size;
    const auto source = [=](int64_t i) { return load_one(x, start + i) + load_one(other, start + i); };
    const Statistics statistics = measure<Norm, Group>(source, size.size, epsilon);
    for (int64_t i = Group::rank(); i < size.size; i += Group::size()) {
      const float value = source(i), result = fmaf(statistics.normalized(value), w[i], bias ? bias[i] : 0.f);
      sum[start + i] = value;
      y.store<1>(start + i, &result);
    }
  }
}

// Both of rows that a warp holds; without `other` there is no sum.
template <class Norm, int kFours>
__global__ void __launch_bounds__(kWarpRowThreads, kWarpRowBlocks)
    normalize_warp_row_kernel(Rows2d size, double epsilon, const Numbers x, const Numbers other, const float* w,
                              const float* bias, float* sum, const Numbers y) {
  using Row = WarpRow<kFours>;
  const int length = static_cast<int>(size.size);
  for (int64_t row = WarpGroup::first_row(); row < size.rows; row += WarpGroup::row_step()) {
    const int64_t start = row * size.size;
    Row values;
    values.load(x, start, length);
    if (other) {
      values.add(other, start, length);
      values.store(Numbers(sum), start, length);
    }
    const Statistics statistics = measure<Norm>(values, length, epsilon);
    Row::for_fours(length, [&](int i, int at) {
      float results[4], factors[4], shifts[4] = {};
      Numbers(w).load<4>(at, factors);
      if (bias) Numbers(bias).load<4>(at, shifts);
      for (int n = 0; n < 4; ++n) results[n] = fmaf(statistics.normalized(values(i + n)), factors[n], shifts[n]);
      y.store<4>(start + at, results);
    });
  }
}

// With n = normalized(x) and g = gy * w: gx = scale (g - mean(g) - n mean(g n)) + residual; rms_norm has no mean(g).
template <class Norm, class Group>
__global__ void normalize_grad_kernel(Rows2d size, double epsilon, const float* x, const float* w, const Numbers gy,
                                      const Numbers residual, float* gx, Statistics* statistics) {
  for (int64_t row = Group::first_row(); row < size.rows; row += Group::row_step()) {
    const int64_t start = row * size.size;
    const auto source = [=](int64_t i) { return x[start + i]; };
    const Statistics of_row = measure<Norm, Group>(source, size.size, epsilon);
    const auto g = [=](int64_t i) { return load_one(gy, start + i) * w[i]; };
    const auto n = [=](int64_t i) { return of_row.normalized(source(i)); };
    const float mean = Norm::kCentered ? static_cast<float>(sum_row<Group>(size.size, g) / size.size) : 0.f;
    const float along =
        static_cast<float>(sum_row<Group>(size.size, [=](int64_t i) { return g(i) * n(i); }) / size.size);
    for (int64_t i = Group::rank(); i < size.size; i += Group::size()) {
      const float value = fmaf(n(i), -along, g(i) - mean) * of_row.scale;
      gx[start + i] = residual ? load_one(residual, start + i) + value : value;
    }
    if (statistics && Group::rank() == 0) statistics[row] = of_row;
  }
}

template <class Norm, int kFours>
__global__ void __launch_bounds__(kWarpRowThreads, kWarpRowBlocks)
    normalize_grad_warp_row_kernel(Rows2d size, double epsilon, const float* x, const float* w, const Numbers gy,
                                   const Numbers residual, float* gx, Statistics* statistics) {
  using Row = WarpRow<kFours>;
  const int length = static_cast<int>(size.size);
  for (int64_t row = WarpGroup::first_row(); row < size.rows; row += WarpGroup::row_step()) {
    const int64_t start = row * size.size;
    Row n, g;
    n.load(Numbers(x), start, length);
    g.load(gy, start, length);
    const Statistics of_row = measure<Norm>(n, length, epsilon);
    n.change([&](int i) { return of_row.normalized(n(i)); });
    Row::for_fours(length, [&](int i, int at) {
      float factors[4];
      Numbers(w).load<4>(at, factors);
      for (int k = 0; k < 4; ++k) g.values[i + k] *= factors[k];
    });
    const float mean = Norm::kCentered ? static_cast<float>(Row::sum(length, g) / length) : 0.f;
    const float along = static_cast<float>(Row::sum(length, [&](int i) { return g(i) * n(i); }) / length);
    g.change([&](int i) { return fmaf(n(i), -along, g(i) - mean) * of_row.scale; });
    if (residual) g.add(residual, start, length);
    g.store(Numbers(gx), start, length);
    if (statistics && WarpGroup::rank() == 0) statistics[row] = of_row;
  }
}

// gw = sum over rows of gy * normalized(x), gbias = sum over rows of gy
template <int Sums>
struct ParameterGradient {
  static constexpr int kSums = Sums;
  const float* x;
  Numbers gy;
  const Statistics* statistics;
  int64_t size;

  struct Read {
    float x, gradient;
    Statistics statistics;
  };

  __device__ int begin(int64_t) const { return 0; }
  __device__ Read read(int64_t row, int64_t column) const {
    const int64_t at = row * size + column;
    return {x[at], load_one(gy, at), statistics[row]};
  }
  __device__ void add(int, int64_t, int64_t, const Read& read, float* sums) const {
    sums[0] = fmaf(read.gradient, read.statistics.normalized(read.x), sums[0]);
    if constexpr (Sums == 2) sums[1] += read.gradient;
  }
};

template <class Group>
__global__ void softmax_kernel(Rows2d size, const float* x, float* y) {
  for (int64_t row = Group::first_row(); row < size.rows; row += Group::row_step()) {
    const float* source = x + row * size.size;
    const ExponentialSum sum = sum_exponentials<Group>(source, size.size);
    const float scale = static_cast<float>(1 / sum.total);
    for (int64_t i = Group::rank(); i < size.size; i += Group::size()) {
      y[row * size.size + i] = exp_falling(source[i] - sum.top) * scale;
    }
  }
}

// gx = y (gy - <gy, y>)
template <class Group>
__global__ void softmax_grad_kernel(Rows2d size, const float* y, const float* gy, float* gx) {
  for (int64_t row = Group::first_row(); row < size.rows; row += Group::row_step()) {
    const float *value = y + row * size.size, *gradient = gy + row * size.size;
    const double sum = sum_row<Group>(size.size, [=](int64_t i) { return gradient[i] * value[i]; });
    const float along = static_cast<float>(sum);
    for (int64_t i = Group::rank(); i < size.size; i += Group::size()) {
      gx[row * size.size + i] = value[i] * (gradient[i] - along);
    }
  }
}

// ---- launchers ----

template <class Norm>
void normalize_warp_rows(const KernelContext& context, const Numbers& other, int w, float* sum, const Numbers& y) {
  const Rows2d size = rows_of(context.in(0));
  with_fours(size.size, [&](auto fours) {
    launch_warp_rows(context, normalize_warp_row_kernel<Norm, fours.value>, size.rows, size,
                     context.attrs->f("epsilon"), Numbers(context.in(0)), other, context.in(w).f32(),
                     context.in(w + 1).f32(), sum, y);
  });
}

template <class Norm>
void normalize(const KernelContext& context) {
  const Rows2d size = rows_of(context.in(0));
  if (fits_warp(size.size)) {
    return normalize_warp_rows<Norm>(context, Numbers(), 1, nullptr, Numbers(context.out(0)));
  }
  launch_rows(context, normalize_kernel<Norm, WarpGroup>, normalize_kernel<Norm, BlockGroup>, size.rows, size.size,
              size, context.attrs->f("epsilon"), context.in(0).f32(), context.in(1).f32(), context.in(2).f32(),
              Numbers(context.out(0)));
}

template <class Norm>
void normalize_sum(const KernelContext& context) {
  const Rows2d size = rows_of(context.in(0));
  if (fits_warp(size.size)) {
    return normalize_warp_rows<Norm>(context, Numbers(context.in(1)), 2, context.out(0).f32(), Numbers(context.out(1)));
  }
  launch_rows(context, normalize_sum_kernel<Norm, WarpGroup>, normalize_sum_kernel<Norm, BlockGroup>, size.rows,
              size.size, size, context.attrs->f("epsilon"), Numbers(context.in(0)), Numbers(context.in(1)),
              context.in(2).f32(), context.in(3).f32(), context.out(0).f32(), Numbers(context.out(1)));
}

template <class Norm>
void normalize_grad(const KernelContext& context) {
  constexpr int kSums = Norm::kCentered ? 2 : 1;
  const float *x = context.in(0).f32(), *w = context.in(1).f32();
  const Numbers gy(context.in(2)), residual(context.in(3));
  const Rows2d size = rows_of(context.in(0));
  const bool parameters = context.attrs->b("parameters");
  const Scratch scratch(context, parameters ? size.rows * sizeof(Statistics) : 0);
  auto* statistics = static_cast<Statistics*>(scratch.data());
  const double epsilon = context.attrs->f("epsilon");
  float* const gx = context.out(0).f32();
  if (fits_warp(size.size)) {
    with_fours(size.size, [&](auto fours) {
      launch_warp_rows(context, normalize_grad_warp_row_kernel<Norm, fours.value>, size.rows, size, epsilon, x, w, gy,
                       residual, gx, statistics);
    });
  } else {
    launch_rows(context, normalize_grad_kernel<Norm, WarpGroup>, normalize_grad_kernel<Norm, BlockGroup>, size.rows,
                size.size, size, epsilon, x, w, gy, residual, gx, statistics);
  }
  if (!parameters) return;
  float* sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = context.out(1 + i).f32();
  sum_columns(context, ParameterGradient<kSums>{x, gy, statistics, size.size}, size.rows, size.size, sums);
}

void softmax(const KernelContext& context) {
  const Rows2d size = rows_of(context.in(0));
  launch_rows(context, softmax_kernel<WarpGroup>, softmax_kernel<BlockGroup>, size.rows, size.size, size,
              context.in(0).f32(), context.out(0).f32());
}

void softmax_grad(const KernelContext& context) {
  const Rows2d size = rows_of(context.in(0));
  launch_rows(context, softmax_grad_kernel<WarpGroup>, softmax_grad_kernel<BlockGroup>, size.rows, size.size, size,
              context.in(0).f32(), context.in(1).f32(), context.out(0).f32());
}

}  // namespace

void register_norms_cuda(KernelTable& table) {
  table.add("layer_norm", normalize<LayerNorm>);
  table.add("layer_norm_grad", normalize_grad<LayerNorm>);
  table.add("fused_add_layer_norm", normalize_sum<LayerNorm>);
  table.add("rms_norm", normalize<RmsNorm>);
  table.add("rms_norm_grad", normalize_grad<RmsNorm>);
  table.add("fused_add_rms_norm", normalize_sum<RmsNorm>);
  table.add("softmax", softmax);
  table.add("softmax_grad", softmax_grad);
  for (const char* op : {"layer_norm", "rms_norm"}) table.takes_bf16(op, {.outputs = 1 << 0});
  for (const char* op : {"layer_norm_grad", "rms_norm_grad"}) table.takes_bf16(op, {.inputs = 1 << 2 | 1 << 3});
  for (const char* op : {"fused_add_layer_norm", "fused_add_rms_norm"}) {
    table.takes_bf16(op, {.inputs = 1 << 0 | 1 << 1, .outputs = 1 << 1});
  }
}

}  // namespace lmspt::cuda

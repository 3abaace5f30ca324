#include "device/cpu/rows.h"
#include "device/cpu/thread_pool.h"
#include "device/kernel.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kRowsPerTask = 16;
constexpr int64_t kRowsPerSum = 64;  // rows summed in single precision before they enter the double sum
constexpr int64_t kChannels = 64;    // columns whose sums over all rows one task owns

struct Rows2d {
  int64_t rows, size;
};

Rows2d rows_of(const Tensor& x) { return {x.shape.count_before(x.shape.rank - 1), x.shape[-1]}; }

// What makes a row its normalised form: (x - mean) * scale. The mean of rms_norm is 0.
struct Statistics {
  float mean, scale;

  LMSPT_INLINE Vec normalized(Vec x) const { return (x - broadcast(mean)) * broadcast(scale); }
};

using Measure = Statistics (*)(const float* x, int64_t size, double epsilon);

struct Norm {
  Measure measure;
  bool centered;  // with a bias
};

// ---- kernels ----

Statistics measure_layer(const float* x, int64_t size, double epsilon) {
  const double mean = sum_row(size, [=](int64_t i, int64_t left) { return load_left(x + i, left); }) / size;
  const float center = static_cast<float>(mean);
  const double square = sum_row(size, [=](int64_t i, int64_t left) {
    const Vec deviation = load_left(x + i, left, center) - broadcast(center);
    return deviation * deviation;
  });
  return {center, static_cast<float>(1 / ::sqrt(square / size + epsilon))};
}

Statistics measure_rms(const float* x, int64_t size, double epsilon) {
  return {0, static_cast<float>(1 / ::sqrt(dot_row(x, x, size) / size + epsilon))};
}

// y = normalized(x) * w + bias
void normalize_row(const float* x, Statistics statistics, const float* w, const float* bias, int64_t size, float* y) {
  for (int64_t i = 0; i < size; i += kLanes) {
    const int64_t left = size - i;
    const Vec value = statistics.normalized(load_left(x + i, left));
    const Vec shift = bias ? load_left(bias + i, left) : broadcast(0);
    store_left(fma(value, load_left(w + i, left), shift), y + i, left);
  }
}

// With n = normalized(x) and g = gy * w: gx = scale (g - mean(g) - n mean(g n)) + residual; rms_norm has no mean(g).
void normalize_grad_row(const float* x, Statistics statistics, const float* w, const float* gy, const float* residual,
                        int64_t size, bool centered, float* gx) {
  const auto g = [=](int64_t i, int64_t left) { return load_left(gy + i, left) * load_left(w + i, left); };
  const auto n = [=](int64_t i, int64_t left) { return statistics.normalized(load_left(x + i, left)); };
  const float mean = centered ? static_cast<float>(sum_row(size, g) / size) : 0;
  const float along =
      static_cast<float>(sum_row(size, [=](int64_t i, int64_t left) { return g(i, left) * n(i, left); }) / size);
  for (int64_t i = 0; i < size; i += kLanes) {
    const int64_t left = size - i;
    const Vec rest = fma(n(i, left), broadcast(-along), g(i, left) - broadcast(mean));
    const Vec value = rest * broadcast(statistics.scale);
    store_left(residual ? load_left(residual + i, left) + value : value, gx + i, left);
  }
}

// gw = sum over rows of gy * normalized(x), gbias = sum over rows of gy, for the channels [first, first + count).
struct ParameterSums {
  const float *x, *gy;
  const Statistics* statistics;
  Rows2d size;

  void run(int64_t first, int64_t count, float* gw, float* gbias) const {
    double w_totals[kChannels] = {}, bias_totals[kChannels] = {};
    for (int64_t block = 0; block < size.rows; block += kRowsPerSum) {
      const int64_t end = block + kRowsPerSum < size.rows ? block + kRowsPerSum : size.rows;
      for (int64_t c = 0; c < count; c += kLanes) {
        Vec w_sum = broadcast(0), bias_sum = broadcast(0);
        for (int64_t row = block; row < end; ++row) {
          const int64_t at = row * size.size + first + c;
          const Vec gradient = load_left(gy + at, count - c);
          w_sum = fma(gradient, statistics[row].normalized(load_left(x + at, count - c)), w_sum);
          bias_sum = bias_sum + gradient;
        }
        alignas(64) float lanes[2][kLanes];
        w_sum.store(lanes[0]);
        bias_sum.store(lanes[1]);
        for (int64_t lane = 0; lane < kLanes; ++lane) {
          w_totals[c + lane] += lanes[0][lane];
          bias_totals[c + lane] += lanes[1][lane];
        }
      }
    }
    for (int64_t c = 0; c < count; ++c) {
      gw[first + c] = static_cast<float>(w_totals[c]);
      if (gbias) gbias[first + c] = static_cast<float>(bias_totals[c]);
    }
  }
};

void softmax_row(const float* x, int64_t size, float* y) {
  const Vec top = broadcast(max_row(x, size));
  const double total = sum_row(size, [=](int64_t i, int64_t left) {
    store_left(exp_falling(load_left(x + i, left) - top), y + i, left);
    return load_left(y + i, left);
  });
  const Vec scale = broadcast(static_cast<float>(1 / total));
  for (int64_t i = 0; i < size; i += kLanes) store_left(load_left(y + i, size - i) * scale, y + i, size - i);
}

// gx = y (gy - <gy, y>)
void softmax_grad_row(const float* y, const float* gy, int64_t size, float* gx) {
  const Vec along = broadcast(static_cast<float>(dot_row(gy, y, size)));
  for (int64_t i = 0; i < size; i += kLanes) {
    const int64_t left = size - i;
    store_left(load_left(y + i, left) * (load_left(gy + i, left) - along), gx + i, left);
  }
}

// ---- launchers ----

template <class Body>
void each_row(ThreadPool* pool, int64_t rows, Body body) {
  parallel_for(pool, (rows + kRowsPerTask - 1) / kRowsPerTask, [&](int64_t task, int) {
    for (int64_t row = task * kRowsPerTask; row < rows && row < (task + 1) * kRowsPerTask; ++row) body(row);
  });
}

void normalize(const KernelContext& context, const Norm& norm) {
  const Tensor x = context.in(0), w = context.in(1), bias = context.in(2);
  const Rows2d size = rows_of(x);
  const double epsilon = context.attrs->f("epsilon");
  each_row(context.pool, size.rows, [&](int64_t row) {
    const float* source = x.f32() + row * size.size;
    normalize_row(source, norm.measure(source, size.size, epsilon), w.f32(), bias.f32(), size.size,
                  context.out(0).f32() + row * size.size);
  });
}

void normalize_sum(const KernelContext& context, const Norm& norm) {
  const Tensor x = context.in(0), y = context.in(1), w = context.in(2), bias = context.in(3);
  const Rows2d size = rows_of(x);
  const double epsilon = context.attrs->f("epsilon");
  each_row(context.pool, size.rows, [&](int64_t row) {
    const int64_t at = row * size.size;
    float* sum = context.out(0).f32() + at;
    for (int64_t i = 0; i < size.size; i += kLanes) {
      const int64_t left = size.size - i;
      store_left(load_left(x.f32() + at + i, left) + load_left(y.f32() + at + i, left), sum + i, left);
    }
    normalize_row(sum, norm.measure(sum, size.size, epsilon), w.f32(), bias.f32(), size.size,
                  context.out(1).f32() + at);
  });
}

void normalize_grad(const KernelContext& context, const Norm& norm) {
  const Tensor x = context.in(0), w = context.in(1), gy = context.in(2), residual = context.in(3);
  const Rows2d size = rows_of(x);
  const double epsilon = context.attrs->f("epsilon");
  // The caller is worker 0, and no task asks for scratch: its buffer carries the statistics to the second pass.
  auto* statistics = static_cast<Statistics*>(context.pool->scratch(0, size.rows * sizeof(Statistics)));
  each_row(context.pool, size.rows, [&](int64_t row) {
    const int64_t at = row * size.size;
    statistics[row] = norm.measure(x.f32() + at, size.size, epsilon);
    normalize_grad_row(x.f32() + at, statistics[row], w.f32(), gy.f32() + at, residual ? residual.f32() + at : nullptr,
                       size.size, norm.centered, context.out(0).f32() + at);
  });
  if (!context.attrs->b("parameters")) return;
  const ParameterSums sums{x.f32(), gy.f32(), statistics, size};
  parallel_for(context.pool, (size.size + kChannels - 1) / kChannels, [&](int64_t task, int) {
    const int64_t first = task * kChannels, left = size.size - first;
    sums.run(first, left < kChannels ? left : kChannels, context.out(1).f32(),
             norm.centered ? context.out(2).f32() : nullptr);
  });
}

constexpr Norm kLayerNorm{measure_layer, true}, kRmsNorm{measure_rms, false};

void layer_norm(const KernelContext& context) { normalize(context, kLayerNorm); }
void layer_norm_grad(const KernelContext& context) { normalize_grad(context, kLayerNorm); }
void fused_add_layer_norm(const KernelContext& context) { normalize_sum(context, kLayerNorm); }
void rms_norm(const KernelContext& context) { normalize(context, kRmsNorm); }
void rms_norm_grad(const KernelContext& context) { normalize_grad(context, kRmsNorm); }
void fused_add_rms_norm(const KernelContext& context) { normalize_sum(context, kRmsNorm); }

void softmax(const KernelContext& context) {
  const Rows2d size = rows_of(context.in(0));
  each_row(context.pool, size.rows, [&](int64_t row) {
    softmax_row(context.in(0).f32() + row * size.size, size.size, context.out(0).f32() + row * size.size);
  });
}

void softmax_grad(const KernelContext& context) {
  const Rows2d size = rows_of(context.in(0));
  each_row(context.pool, size.rows, [&](int64_t row) {
    const int64_t at = row * size.size;
    softmax_grad_row(context.in(0).f32() + at, context.in(1).f32() + at, size.size, context.out(0).f32() + at);
  });
}

}  // namespace

void register_norms_cpu(KernelTable& table) {
  table.add("layer_norm", layer_norm);
  table.add("layer_norm_grad", layer_norm_grad);
  table.add("fused_add_layer_norm", fused_add_layer_norm);
  table.add("rms_norm", rms_norm);
  table.add("rms_norm_grad", rms_norm_grad);
  table.add("fused_add_rms_norm", fused_add_rms_norm);
  table.add("softmax", softmax);
  table.add("softmax_grad", softmax_grad);
}

}  // namespace lmspt::LMSPT_ISA

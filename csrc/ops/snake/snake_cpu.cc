#include "ops/snake/snake_cpu.h"

#include "device/cpu/rows.h"
#include "device/cpu/thread_pool.h"
#include "device/kernel.h"
#include "ops/conv1d/stage_cpu.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kRowsPerTask = 64;
constexpr int64_t kChannels = 64;     // of a task of the gradient
constexpr int64_t kLeastPiece = 512;  // its rows, at least
constexpr int64_t kMostPieces = 32;

struct Rows2d {
  int64_t rows, channels;
};

Rows2d rows_of(const Tensor& x) { return {x.shape.count_before(x.shape.rank - 1), x.shape[-1]}; }

// ---- kernels ----

// gx, and the share of galpha added to `sums`, of some channels of one row. With s = sin(2 alpha x), i = 1 / (alpha +
// 1e-9): dy/dx = 1 + alpha s i, dy/dalpha = x s i - sin^2(alpha x) i^2.
LMSPT_INLINE void snake_grad_row(const float* x, const SnakeParameters& p, const float* gy, int64_t channels, float* gx,
                                 float* sums) {
  for (int64_t c = 0; c < channels; c += kLanes) {
    const int64_t left = channels - c;
    const Vec alpha = load_left(p.alpha + c, left), inverse = load_left(p.inverse + c, left);
    const Vec value = load_left(x + c, left), gradient = load_left(gy + c, left);
    const Vec s = sin(alpha * (value + value));
    store_left(fma(gradient * alpha * inverse, s, gradient), gx + c, left);
    const Vec square = sin_squared(alpha * value) * inverse;
    store_left(fma(gradient * inverse, value * s - square, load_left(sums + c, left)), sums + c, left);
  }
}

// ---- launchers ----

// A task owns a block of channels and a piece of the rows. How rows are cut follows from the shape alone, and pieces
// are added in order. The caller is worker 0, and no task asks for scratch: its buffer holds the sums of all pieces.
void snake_backward(const KernelContext& context) {
  const Tensor x = context.in(0), alpha = context.in(1), gy = context.in(2);
  const Rows2d size = rows_of(x);
  const int64_t blocks = (size.channels + kChannels - 1) / kChannels;
  const int64_t pieces =
      size.rows < kLeastPiece ? 1 : (size.rows < kMostPieces * kLeastPiece ? size.rows / kLeastPiece : kMostPieces);
  auto* totals = static_cast<double*>(context.pool->scratch(0, pieces * size.channels * sizeof(double)));
  parallel_for(context.pool, blocks * pieces, [&](int64_t task, int) {
    const int64_t first = task % blocks * kChannels, piece = task / blocks;
    const int64_t n = size.channels - first < kChannels ? size.channels - first : kChannels;
    float inverse[kChannels];
    for (int64_t c = 0; c < n; ++c) inverse[c] = 1.f / (alpha.f32()[first + c] + 1e-9f);
    double* sum = totals + piece * size.channels + first;
    for (int64_t c = 0; c < n; ++c) sum[c] = 0;
    const int64_t end = size.rows * (piece + 1) / pieces;
    for (int64_t block = size.rows * piece / pieces; block < end; block += kRowsPerTask) {
      float sums[kChannels] = {};
      for (int64_t row = block; row < end && row < block + kRowsPerTask; ++row) {
        const int64_t at = row * size.channels + first;
        snake_grad_row(x.f32() + at, {alpha.f32() + first, inverse}, gy.f32() + at, n, context.out(0).f32() + at, sums);
      }
      for (int64_t c = 0; c < n; ++c) sum[c] += sums[c];
    }
  });
  for (int64_t c = 0; c < size.channels; ++c) {
    double total = 0;
    for (int64_t piece = 0; piece < pieces; ++piece) total += totals[piece * size.channels + c];
    context.out(1).f32()[c] = static_cast<float>(total);
  }
}

}  // namespace

void snake_forward(const KernelContext& context) {
  const Tensor x = context.in(0), alpha = context.in(1);
  const Rows2d size = rows_of(x);
  parallel_for(context.pool, (size.rows + kRowsPerTask - 1) / kRowsPerTask, [&](int64_t task, int worker) {
    float* inverse = static_cast<float*>(context.pool->scratch(worker, size.channels * sizeof(float)));
    for (int64_t c = 0; c < size.channels; ++c) inverse[c] = 1.f / (alpha.f32()[c] + 1e-9f);
    for (int64_t row = task * kRowsPerTask; row < size.rows && row < (task + 1) * kRowsPerTask; ++row) {
      snake_row(x.f32() + row * size.channels, size.channels, {alpha.f32(), inverse},
                context.out(0).f32() + row * size.channels);
    }
  });
}

void register_snake_cpu(KernelTable& table) {
  table.add("snake", snake_forward);
  table.add("snake_grad", snake_backward);
}

}  // namespace lmspt::LMSPT_ISA

// conv1d with so few outputs that all of its taps fit in one panel, such as the last layer of a decoder. One product
// gives z[row, j * O + o] = sum over i of w[o, i, j] x[row, i] for every staged row; an output is a sum of k of them,
// in the order of the taps.
#include "device/cpu/thread_pool.h"
#include "gemm/gemm_cpu.h"
#include "ops/conv1d/conv1d_cpu.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kRows = 480;  // per task

// ---- kernels ----

struct NarrowConv {
  const KernelContext& context;
  const Conv1dGeometry& g;

  int64_t staged_rows(int64_t rows) const { return rows + (g.kernel - 1) * g.dilation; }
  int64_t scratch_floats() const {
    return g.in_channels * kPanelWidth + staged_rows(kRows) * (round_up(g.in_channels, kLanes) + kPanelWidth);
  }

  void pack(float* panel) const {
    const float* w = context.in(1).f32();
    for (int64_t i = 0; i < g.in_channels; ++i) {
      for (int64_t n = 0; n < kPanelWidth; ++n) {
        const int64_t j = n / g.out_channels, o = n % g.out_channels;
        *panel++ = j < g.kernel ? w[(o * g.in_channels + i) * g.kernel + j] : 0;
      }
    }
  }

  // Output rows [first, first + rows) of one item.
  void task(const SnakeParameters& snake_parameters, int64_t item, int64_t first, int64_t rows, float* scratch) const {
    float* panel = scratch;
    float* z = panel + g.in_channels * kPanelWidth;
    float* staged = z + staged_rows(kRows) * kPanelWidth;
    pack(panel);
    stage_rows(context.in(0).f32() + item * g.in_length * g.in_channels, g.in_length, g.in_channels, first - g.pad_left,
               staged_rows(rows), snake_parameters, staged);
    gemm({staged, g.in_channels, 1, g.in_channels}, staged_rows(rows), {panel, 0}, kPanelWidth, 0, 1, z, kPanelWidth,
         {});
    const Tensor bias = context.in(2), residual = context.in(4);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t place = (item * g.out_length + first + row) * g.out_channels;
      for (int64_t o = 0; o < g.out_channels; ++o) {
        float sum = 0;
        for (int64_t j = 0; j < g.kernel; ++j) sum += z[(row + j * g.dilation) * kPanelWidth + j * g.out_channels + o];
        if (bias) sum += bias.f32()[o];
        if (residual) sum += residual.f32()[place + o];
        context.out(0).f32()[place + o] = sum;
      }
    }
  }
};

}  // namespace

// ---- launchers ----

void conv1d_narrow(const KernelContext& context) {
  const Tensor x = context.in(0), w = context.in(1), alpha = context.in(3);
  const Conv1dGeometry g = conv1d_geometry(x.shape, context.out(0).shape, w.shape[2], *context.attrs);
  const NarrowConv conv{context, g};
  const int64_t tiles = (g.out_length + kRows - 1) / kRows;
  const int64_t front = SnakeScratch::floats(alpha, g.in_channels);
  const size_t bytes = (front + conv.scratch_floats()) * sizeof(float);
  parallel_for(context.pool, g.batch * tiles, [&](int64_t task, int worker) {
    const int64_t first = task % tiles * kRows, left = g.out_length - first;
    float* scratch = static_cast<float*>(context.pool->scratch(worker, bytes));
    conv.task(SnakeScratch::fill(alpha, g.in_channels, scratch), task / tiles, first, left < kRows ? left : kRows,
              scratch + front);
  });
}

}  // namespace lmspt::LMSPT_ISA

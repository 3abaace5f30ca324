// A whole residual unit in cache: what the first convolution gives a task goes through Snake into scratch memory, from
// where the second one reads it.
#include "device/cpu/thread_pool.h"
#include "ops/conv1d/conv1d_bf16.h"
#include "ops/conv1d/items_cpu.h"
#include "ops/conv1d/winograd_conv_cpu.h"

namespace lmspt::LMSPT_ISA {

namespace {

constexpr int64_t kCacheFloats = 64 * 1024;  // what a task keeps in the second-level cache

}  // namespace

// ---- launchers ----

void fused_residual_unit(const KernelContext& context) {
  if (context.in(kUnitEnds)) {
    return for_each_item(context, kUnitEnds, -1, context.attrs->i("missing"), fused_residual_unit);
  }
  const Tensor x = context.in(0), w1 = context.in(1), bias1 = context.in(2), alpha1 = context.in(3);
  const Tensor w2 = context.in(4), bias2 = context.in(5), alpha2 = context.in(6), y = context.out(0);
  if (y.shape.count() == 0) return;
  if (w1.dtype == DType::i32) return fused_residual_unit_bf16(context);
  ThreadPool* pool = context.pool;
  const Conv1dGeometry g = conv1d_geometry(x.shape, y.shape, w1.shape[2] * kWinogradTaps, *context.attrs);
  const int64_t channels = g.in_channels;
  const WinogradConv conv(g, w1.shape[2], kCacheFloats, channels, pool->threads());
  const int64_t front = SnakeScratch::floats(alpha1, channels);
  const int64_t inner_floats = conv.blocks * conv.block_rows() * channels;
  const size_t bytes = (2 * front + round_up(inner_floats, kLanes) + conv.scratch_floats(conv.blocks)) * sizeof(float);
  parallel_for(pool, g.batch * conv.tiles(), [&](int64_t task, int worker) {
    const int64_t item = task / conv.tiles(), first = task % conv.tiles() * conv.blocks;
    const int64_t left = conv.all_blocks() - first, blocks = left < conv.blocks ? left : conv.blocks;
    const int64_t first_row = first * conv.block_rows(), rows_left = g.out_length - first_row;
    const int64_t rows = blocks * conv.block_rows() < rows_left ? blocks * conv.block_rows() : rows_left;
    float* scratch = static_cast<float*>(pool->scratch(worker, bytes));
    const SnakeParameters snake1 = SnakeScratch::fill(alpha1, channels, scratch);
    const SnakeParameters snake2 = SnakeScratch::fill(alpha2, channels, scratch + front);
    float* inner = scratch + 2 * front;
    const auto keep = [&](int64_t row, int64_t column, Vec value, int64_t columns_left) {
      if (bias1) value = value + load_left(bias1.f32() + column, columns_left);
      const Vec alpha = load_left(snake2.alpha + column, columns_left);
      const Vec inverse = load_left(snake2.inverse + column, columns_left);
      store_left(snake(value, alpha, inverse), inner + (row - first_row) * channels + column, columns_left);
    };
    conv.run(x.f32() + item * g.in_length * channels, snake1, w1.f32(), first, blocks, 0, conv.panels(),
             inner + round_up(inner_floats, kLanes), keep);
    const int64_t place = (item * g.out_length + first_row) * channels;
    Epilogue epilogue;
    if (bias2) epilogue.bias = bias2.f32();
    epilogue.residual = x.f32() + place;
    epilogue.residual_stride = channels;
    gemm({inner, channels, 1, channels}, rows, {w2.f32(), channels * kPanelWidth}, channels, 0, conv.panels(),
         y.f32() + place, channels, epilogue);
  });
}

}  // namespace lmspt::LMSPT_ISA

#include "ops/linear/linear_bf16.h"

#include "gemm/bf16_panels.h"
#include "gemm/bf16_tiling.h"

namespace lmspt {

void linear_bf16(const KernelContext& context) {
  const Shape &x = context.inputs[0].shape, &y = context.out(0).shape;
  if (y.count() == 0) return;
  const Bf16Unit& unit = *context.bf16;
  const Tensor w = context.in(1), bias = context.in(2);
  ThreadPool* pool = context.pool;
  const int64_t rows = x.count_before(x.rank - 1), channels = x[-1], columns = y[-1], width = bf16_width(channels);
  const int64_t row_bytes = (width ? width : 1) * unit.element_size * w.shape[0];
  const Bf16Tiling tiling = Bf16Tiling::of({1, rows, row_bytes, unit.row_step, w, pool->threads()});
  const int64_t plane = round_up_to(round_up_to(tiling.rows, unit.row_tile) * width, 32);
  const int64_t split_plane = w.shape[0] == 2 ? plane : 0;
  parallel_for(pool, tiling.tiles * tiling.splits, [&](int64_t task, int worker) {
    const int64_t split = task % tiling.splits, first = task / tiling.splits * tiling.rows;
    const int64_t count = rows - first < tiling.rows ? rows - first : tiling.rows;
    void* staged = pool->scratch(worker, plane * w.shape[0] * unit.element_size);
    unit.stage({context.in(0).f32(), rows, channels, first, count, 1, 0, nullptr, nullptr, staged, width, split_plane});
    unit.multiply({staged, width, split_plane, Bf16Depth::of(1, width), reinterpret_cast<const uint32_t*>(w.i32()),
                   w.shape.count_from(1), count, columns, tiling.first_panel(split), tiling.first_panel(split + 1),
                   bias.f32(), nullptr, 0, context.out(0).f32() + first * columns, columns});
  });
}

// One tap; the columns of a matrix begin with a panel of their own.
void pack_matrix_bf16(const KernelContext& context) {
  const Tensor w = context.in(0);
  const bool transposed = context.attrs->b("transposed");
  const int64_t columns = w.shape[transposed ? -2 : -1], channels = w.shape[transposed ? -1 : -2];
  const int64_t width = panel_count(columns) * kPanelWidth;
  pack_bf16(context.pool, context.out(0), channels, context.out(0).shape[1] * kPanelWidth,
            [&](int64_t, int64_t channel, int64_t place) {
              const float* matrix = w.f32() + place / width * columns * channels;
              const int64_t column = place % width;
              if (column >= columns) return 0.f;
              return transposed ? matrix[column * channels + channel] : matrix[channel * columns + column];
            });
}

}  // namespace lmspt

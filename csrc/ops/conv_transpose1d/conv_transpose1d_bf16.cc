// Row group q of the output is `stride` rows, columns() numbers in a row of memory: all but those that reach over the
// ends of y are written where they belong.
#include "ops/conv_transpose1d/conv_transpose1d_bf16.h"

#include "gemm/bf16_panels.h"
#include "gemm/bf16_tiling.h"
#include "ops/conv_transpose1d/conv_transpose1d.h"

namespace lmspt {

namespace {

struct Transposed {
  const KernelContext& context;
  const ConvTranspose1dGeometry& g;
  const Bf16Unit& unit;
  const Tensor w = context.in(1);
  const int64_t width = bf16_width(g.in_channels);

  int64_t staged_rows(int64_t rows) const { return rows + g.taps - 1; }
  int64_t plane(int64_t rows) const { return round_up_to(staged_rows(rows + unit.row_tile) * width, 32); }
  // Where row group q begins in y.
  int64_t place(int64_t q) const { return (q * g.stride - g.pad_left) * g.out_channels; }
  bool is_inside(int64_t q) const { return place(q) >= 0 && place(q + 1) <= g.out_length * g.out_channels; }

  struct Panels {
    int64_t first, last;
  };

  void multiply(const void* staged, int64_t plane, int64_t rows, Panels panels, const float* bias, float* c) const {
    const int64_t split_plane = w.shape[0] == 2 ? plane : 0;
    unit.multiply({staged, width, split_plane, Bf16Depth::of(g.taps, width), reinterpret_cast<const uint32_t*>(w.i32()),
                   w.shape.count_from(1), rows, g.columns(), panels.first, panels.last, bias, nullptr, 0, c,
                   g.columns()});
  }

  // Row groups [first, first + rows) of one item. `row` has room for the columns of one.
  void tile(int64_t item, int64_t first, int64_t rows, Panels panels, const float* bias, float* row, char* staged,
            int64_t plane) const {
    unit.stage({context.in(0).f32() + item * g.in_length * g.in_channels, g.in_length, g.in_channels,
                first - (g.taps - 1), staged_rows(rows), 1, 0, nullptr, nullptr, staged, width,
                w.shape[0] == 2 ? plane : 0});
    const int64_t size = g.out_length * g.out_channels;
    float* y = context.out(0).f32() + item * size;
    for (int64_t q = first; q < first + rows;) {
      const char* a = staged + (q - first) * width * unit.element_size;
      if (is_inside(q)) {
        int64_t end = q + 1;
        while (end < first + rows && is_inside(end)) ++end;
        multiply(a, plane, end - q, panels, bias, y + place(q));
        q = end;
        continue;
      }
      multiply(a, plane, 1, panels, bias, row);
      const int64_t last = panels.last * kPanelWidth < g.columns() ? panels.last * kPanelWidth : g.columns();
      for (int64_t n = panels.first * kPanelWidth; n < last; ++n) {
        if (place(q) + n >= 0 && place(q) + n < size) y[place(q) + n] = row[n];
      }
      ++q;
    }
  }
};

}  // namespace

void conv_transpose1d_bf16(const KernelContext& context) {
  const Shape &x = context.inputs[0].shape, &y = context.out(0).shape;
  if (y.count() == 0) return;
  const Attrs& attrs = *context.attrs;
  const ConvTranspose1dGeometry g{
      x[0], x[1], x[2], y[1], y[2], context.inputs[1].shape[2], attrs.i("stride"), 1, 1, attrs.i("pad_left")};
  const Transposed transposed{context, g, *context.bf16};
  ThreadPool* pool = context.pool;
  const int64_t first_group = g.pad_left / g.stride;  // earlier ones are trimmed
  const int64_t row_groups = (g.out_length + g.pad_left + g.stride - 1) / g.stride - first_group;
  const int64_t row_bytes = transposed.width * transposed.unit.element_size * transposed.w.shape[0];
  const Bf16Tiling tiling =
      Bf16Tiling::of({g.batch, row_groups, row_bytes, transposed.unit.row_step, transposed.w, pool->threads()});
  const int64_t columns_bytes = round_up_to(g.columns() * sizeof(float), 64);
  const int64_t plane = transposed.plane(tiling.rows);
  const int64_t bytes = 2 * columns_bytes + plane * transposed.w.shape[0] * transposed.unit.element_size;
  parallel_for(pool, g.batch * tiling.tiles * tiling.splits, [&](int64_t task, int worker) {
    const int64_t split = task % tiling.splits, tile = task / tiling.splits % tiling.tiles;
    const int64_t item = task / tiling.splits / tiling.tiles, first = tile * tiling.rows;
    const int64_t rows = row_groups - first < tiling.rows ? row_groups - first : tiling.rows;
    char* scratch = static_cast<char*>(pool->scratch(worker, bytes));
    float* bias = nullptr;
    if (context.in(2)) {
      bias = reinterpret_cast<float*>(scratch);
      for (int64_t n = 0; n < g.columns(); ++n) bias[n] = context.in(2).f32()[n % g.out_channels];
    }
    transposed.tile(item, first_group + first, rows, {tiling.first_panel(split), tiling.first_panel(split + 1)}, bias,
                    reinterpret_cast<float*>(scratch + columns_bytes), scratch + 2 * columns_bytes, plane);
  });
}

// Column p * O + o, tap r from the oldest row: w[i, o, p + (taps - 1 - r) * stride], zero beyond the kernel.
void pack_conv_transpose1d_bf16(const KernelContext& context) {
  const Tensor w = context.in(0);
  const int64_t channels = w.shape[0], out_channels = w.shape[1], kernel = w.shape[2];
  const int64_t stride = context.attrs->i("stride"), taps = context.out(0).shape[2];
  pack_bf16(context.pool, context.out(0), channels, stride * out_channels,
            [&](int64_t tap, int64_t channel, int64_t column) {
              const int64_t j = column / out_channels + (taps - 1 - tap) * stride;
              return j < kernel ? w.f32()[(channel * out_channels + column % out_channels) * kernel + j] : 0.f;
            });
}

}  // namespace lmspt

// The rows of a dilated convolution are staged in as many phases as the dilation says, so that the taps of a row are
// neighbours in each.
#include "ops/conv1d/conv1d_bf16.h"

#include "gemm/bf16_panels.h"
#include "gemm/bf16_tiling.h"
#include "ops/conv1d/conv1d.h"

namespace lmspt {

namespace {

struct Convolution {
  const KernelContext& context;
  const Conv1dGeometry g;
  const Bf16Unit& unit;
  Tensor w, alpha;
  int64_t phases, width;

  explicit Convolution(const KernelContext& context)
      : context(context),
        g(conv1d_geometry(context.in(0).shape, context.out(0).shape, context.in(1).shape[2], *context.attrs)),
        unit(*context.bf16),
        w(context.in(1)),
        alpha(context.in(3)),
        phases(g.stride == 1 && g.kernel > 1 ? g.dilation : 1),
        width(bf16_width(g.in_channels)) {}

  bool split() const { return w.shape[0] == 2; }
  int64_t staged_rows(int64_t rows) const { return (rows - 1) * g.stride + g.kernel; }
  int64_t row_bytes() const { return width * unit.element_size * w.shape[0] * g.stride; }

  // Staged elements of one plane for a tile of so many rows.
  int64_t plane(int64_t rows) const {
    return staged_rows(round_up_to((rows + phases - 1) / phases, unit.row_tile)) * width;
  }

  Bf16Tiling tiling(int threads) const {
    return Bf16Tiling::of({g.batch, g.out_length, row_bytes(), phases * unit.row_step, w, threads});
  }

  void fill_inverse(float* inverse) const {
    for (int64_t c = 0; alpha && c < g.in_channels; ++c) inverse[c] = 1.f / (alpha.f32()[c] + 1e-9f);
  }

  // Output rows first + phase, first + phase + phases, ...: `rows` of them.
  void run(int64_t item, int64_t first, int64_t rows, int64_t first_panel, int64_t last_panel, const float* inverse,
           void* staged, int64_t plane) const {
    unit.stage({context.in(0).f32() + item * g.in_length * g.in_channels, g.in_length, g.in_channels,
                first * g.stride - g.pad_left, phases, staged_rows(rows), alpha.f32(), inverse, staged, width,
                split() ? plane : 0});
    const int64_t at = (item * g.out_length + first) * g.out_channels;
    const Tensor bias = context.in(2), residual = context.in(4);
    const Bf16Depth depth = Bf16Depth::of(g.kernel, width);
    unit.multiply({staged, g.stride * width, split() ? plane : 0, depth, reinterpret_cast<const uint32_t*>(w.i32()),
                   w.shape.count_from(1), rows, g.out_channels, first_panel, last_panel, bias.f32(),
                   residual ? residual.f32() + at : nullptr, phases * g.out_channels, context.out(0).f32() + at,
                   phases * g.out_channels});
  }
};

}  // namespace

void conv1d_bf16(const KernelContext& context) {
  const Convolution conv(context);
  const Conv1dGeometry& g = conv.g;
  if (context.out(0).shape.count() == 0) return;
  ThreadPool* pool = context.pool;
  const Bf16Tiling tiling = conv.tiling(pool->threads());
  const int64_t inverse_bytes = round_up_to(g.in_channels * sizeof(float), 64);
  const int64_t plane = round_up_to(conv.plane(tiling.rows), 32);
  const int64_t bytes = inverse_bytes + plane * conv.w.shape[0] * conv.unit.element_size;
  parallel_for(pool, g.batch * tiling.tiles * tiling.splits, [&](int64_t task, int worker) {
    const int64_t split = task % tiling.splits, tile = task / tiling.splits % tiling.tiles;
    const int64_t item = task / tiling.splits / tiling.tiles;
    const int64_t first = tile * tiling.rows, left = g.out_length - first;
    const int64_t count = left < tiling.rows ? left : tiling.rows;
    char* scratch = static_cast<char*>(pool->scratch(worker, bytes));
    float* inverse = reinterpret_cast<float*>(scratch);
    conv.fill_inverse(inverse);
    for (int64_t phase = 0; phase < conv.phases && phase < count; ++phase) {
      const int64_t rows = (count - phase + conv.phases - 1) / conv.phases;
      conv.run(item, first + phase, rows, tiling.first_panel(split), tiling.first_panel(split + 1), inverse,
               scratch + inverse_bytes, plane);
    }
  });
}

void pack_conv1d_bf16(const KernelContext& context) {
  const Tensor w = context.in(0);
  const int64_t channels = w.shape[1], kernel = w.shape[2];
  pack_bf16(context.pool, context.out(0), channels, w.shape[0], [&](int64_t tap, int64_t channel, int64_t column) {
    return w.f32()[(column * channels + channel) * kernel + tap];
  });
}

}  // namespace lmspt

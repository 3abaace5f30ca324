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
  const Bf16Unit& unit = *context.bf16;
  const Tensor x = context.in(0), w = context.in(1), bias = context.in(2), alpha = context.in(3);
  const Tensor residual = context.in(4), y = context.out(0);
  const Conv1dGeometry g = conv1d_geometry(x.shape, y.shape, w.shape[2], *context.attrs);
  const int64_t phases = g.stride == 1 && g.kernel > 1 ? g.dilation : 1;
  const int64_t width = bf16_width(g.in_channels), planes = w.shape[0];

  Bf16Tiling tiling(int threads) const {
    const int64_t row_bytes = width * unit.element_size * planes * g.stride;
    return Bf16Tiling::of({g.batch, g.out_length, row_bytes, phases * unit.row_step, w, threads});
  }

  // Staged elements of one phase for `rows` output rows, a multiple of `phases`.
  int64_t phase_elements(int64_t rows) const {
    return ((round_up_to(rows / phases, unit.row_tile) - 1) * g.stride + g.kernel) * width;
  }

  struct Scratch {
    float* inverse;
    void* staged;
    int64_t phase_elements, plane;
  };

  // Output rows [first, first + count) of one item.
  void run(int64_t item, int64_t first, int64_t count, int64_t first_panel, int64_t last_panel,
           const Scratch& scratch) const {
    const int64_t plane = planes == 2 ? scratch.plane : 0;
    const int64_t in_rows = (count - 1) * g.stride + (g.kernel - 1) * phases + 1;
    unit.stage({x.f32() + item * g.in_length * g.in_channels, g.in_length, g.in_channels, first * g.stride - g.pad_left,
                in_rows, phases, scratch.phase_elements, alpha.f32(), scratch.inverse, scratch.staged, width, plane});
    for (int64_t phase = 0; phase < phases && phase < count; ++phase) {
      const int64_t at = (item * g.out_length + first + phase) * g.out_channels, stride = phases * g.out_channels;
      unit.multiply({static_cast<char*>(scratch.staged) + phase * scratch.phase_elements * unit.element_size,
                     g.stride * width, plane, Bf16Depth::of(g.kernel, width),
                     reinterpret_cast<const uint32_t*>(w.i32()), w.shape.count_from(1),
                     (count - phase + phases - 1) / phases, g.out_channels, first_panel, last_panel, bias.f32(),
                     residual ? residual.f32() + at : nullptr, stride, y.f32() + at, stride});
    }
  }
};

}  // namespace

void conv1d_bf16(const KernelContext& context) {
  const Convolution conv{context};
  const Conv1dGeometry& g = conv.g;
  ThreadPool* pool = context.pool;
  const Bf16Tiling tiling = conv.tiling(pool->threads());
  const int64_t inverse_bytes = round_up_to(g.in_channels * sizeof(float), 64);
  const int64_t phase_elements = conv.phase_elements(tiling.rows);
  const int64_t plane = round_up_to(phase_elements * conv.phases, 32);
  parallel_for(pool, g.batch * tiling.tiles * tiling.splits, [&](int64_t task, int worker) {
    const int64_t split = task % tiling.splits, tile = task / tiling.splits % tiling.tiles;
    const int64_t item = task / tiling.splits / tiling.tiles;
    const int64_t first = tile * tiling.rows, left = g.out_length - first;
    const int64_t bytes = inverse_bytes + plane * conv.planes * conv.unit.element_size;
    char* memory = static_cast<char*>(pool->scratch(worker, bytes));
    const Convolution::Scratch scratch{reinterpret_cast<float*>(memory), memory + inverse_bytes, phase_elements, plane};
    snake_inverse(conv.alpha, scratch.inverse);
    conv.run(item, first, left < tiling.rows ? left : tiling.rows, tiling.first_panel(split),
             tiling.first_panel(split + 1), scratch);
  });
}

void pack_conv1d_bf16(const KernelContext& context) {
  const Tensor w = context.in(0);
  const bool transposed = context.attrs->b("transposed");
  const int64_t outputs = w.shape[transposed ? 1 : 0], channels = w.shape[transposed ? 0 : 1], kernel = w.shape[2];
  pack_bf16(context.pool, context.out(0), channels, outputs, [&](int64_t tap, int64_t channel, int64_t column) {
    return transposed ? w.f32()[(channel * outputs + column) * kernel + kernel - 1 - tap]
                      : w.f32()[(column * channels + channel) * kernel + tap];
  });
}

}  // namespace lmspt

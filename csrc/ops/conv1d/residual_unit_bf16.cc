// A whole residual unit in cache: the sums of the first convolution go through Snake into rows of the second one. Rows
// are taken in as many phases as the dilation says, as in conv1d_bf16.cc.
#include "gemm/bf16_panels.h"
#include "gemm/bf16_tiling.h"
#include "ops/conv1d/conv1d.h"
#include "ops/conv1d/conv1d_bf16.h"

namespace lmspt {

namespace {

struct Unit {
  const KernelContext& context;
  const Bf16Unit& unit = *context.bf16;
  const Tensor x = context.in(0), w1 = context.in(1), bias1 = context.in(2), alpha1 = context.in(3);
  const Tensor w2 = context.in(4), bias2 = context.in(5), alpha2 = context.in(6);
  const Conv1dGeometry g = conv1d_geometry(x.shape, x.shape, w1.shape[2], *context.attrs);
  const int64_t width = g.in_channels, phases = g.dilation;
  const int64_t planes = w1.shape[0];

  // A tile keeps its rows of x, too, which are read again at the end.
  int64_t row_bytes() const { return width * (2 * unit.element_size * planes + sizeof(float)); }

  // Staged elements of one plane for so many rows of a phase, and `taps` - 1 more.
  int64_t plane(int64_t rows, int64_t taps) const {
    return round_up_to((round_up_to(rows, unit.row_tile) + taps - 1) * width, 32);
  }

  const uint32_t* panels(const Tensor& w) const { return reinterpret_cast<const uint32_t*>(w.i32()); }

  struct Scratch {
    float *inverse1, *inverse2;
    void *staged, *inner;
    int64_t staged_plane, inner_plane;
  };

  // Rows first, first + phases, ... of one item.
  void run(int64_t item, int64_t first, int64_t rows, const Scratch& scratch) const {
    const float* source = x.f32() + item * g.in_length * width;
    const int64_t staged_plane = planes == 2 ? scratch.staged_plane : 0;
    const int64_t inner_plane = planes == 2 ? scratch.inner_plane : 0;
    unit.stage({source, g.in_length, width, first - g.pad_left, phases, rows + g.kernel - 1, alpha1.f32(),
                scratch.inverse1, scratch.staged, width, staged_plane});
    Bf16Product product{scratch.staged,
                        width,
                        staged_plane,
                        Bf16Depth::of(g.kernel, width),
                        panels(w1),
                        w1.shape.count_from(1),
                        rows,
                        width,
                        0,
                        w1.shape[1],
                        bias1.f32(),
                        nullptr,
                        0,
                        nullptr,
                        0};
    product.alpha = alpha2.f32();
    product.inverse = scratch.inverse2;
    product.next = scratch.inner;
    product.next_width = width;
    product.next_plane = inner_plane;
    unit.multiply(product);
    const int64_t at = first * width, stride = phases * width;
    float* y = context.out(0).f32() + item * g.in_length * width;
    unit.multiply({scratch.inner, width, inner_plane, Bf16Depth::of(1, width), panels(w2), w2.shape.count_from(1), rows,
                   width, 0, w2.shape[1], bias2.f32(), source + at, stride, y + at, stride});
  }
};

void fill_inverse(const Tensor& alpha, float* inverse) {
  for (int64_t c = 0; c < alpha.shape.count(); ++c) inverse[c] = 1.f / (alpha.f32()[c] + 1e-9f);
}

}  // namespace

void fused_residual_unit_bf16(const KernelContext& context) {
  const Unit unit{context};
  const Conv1dGeometry& g = unit.g;
  ThreadPool* pool = context.pool;
  const int64_t share = (g.batch * g.in_length + pool->threads() - 1) / pool->threads();
  const int64_t rows = bf16_tile_rows(unit.row_bytes(), share, unit.phases * unit.unit.row_step);
  const int64_t tiles = (g.in_length + rows - 1) / rows;
  const int64_t staged = unit.plane(rows / unit.phases, g.kernel), inner = unit.plane(rows / unit.phases, 1);
  const int64_t inverse_bytes = round_up_to(unit.width * sizeof(float), 64);
  const int64_t element_bytes = unit.planes * unit.unit.element_size;
  parallel_for(pool, g.batch * tiles, [&](int64_t task, int worker) {
    const int64_t item = task / tiles, first = task % tiles * rows, left = g.in_length - first;
    const int64_t count = left < rows ? left : rows;
    const size_t bytes = 2 * inverse_bytes + (staged + inner) * element_bytes;
    char* memory = static_cast<char*>(pool->scratch(worker, bytes));
    const Unit::Scratch scratch{reinterpret_cast<float*>(memory),
                                reinterpret_cast<float*>(memory + inverse_bytes),
                                memory + 2 * inverse_bytes,
                                memory + 2 * inverse_bytes + staged * element_bytes,
                                staged,
                                inner};
    fill_inverse(unit.alpha1, scratch.inverse1);
    fill_inverse(unit.alpha2, scratch.inverse2);
    for (int64_t phase = 0; phase < unit.phases && phase < count; ++phase) {
      unit.run(item, first + phase, (count - phase + unit.phases - 1) / unit.phases, scratch);
    }
  });
}

}  // namespace lmspt

// A whole residual unit in cache: the sums of the first convolution, made phase by phase as in conv1d_bf16.cc, go
// through Snake into the rows of the second one, which lie in their natural order.
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
  const Tensor w2 = context.in(4), bias2 = context.in(5), alpha2 = context.in(6), y = context.out(0);
  const Conv1dGeometry g = conv1d_geometry(x.shape, y.shape, w1.shape[2], *context.attrs);
  const int64_t width = g.in_channels, phases = g.dilation, planes = w1.shape[0];

  int64_t tile_rows(int threads) const {
    // A tile keeps its rows of x, too, which are read again at the end.
    const int64_t row_bytes = width * (2 * unit.element_size * planes + sizeof(float));
    const int64_t share = (g.batch * g.in_length + threads - 1) / threads;
    return bf16_tile_rows(row_bytes, share, phases * unit.row_step);
  }

  struct Scratch {
    float *inverse1, *inverse2;
    void *staged, *inner;
    int64_t phase_elements, staged_plane, inner_plane;
  };

  // Rows [first, first + count) of one item.
  void run(int64_t item, int64_t first, int64_t count, const Scratch& scratch) const {
    const float* source = x.f32() + item * g.in_length * width;
    const int64_t staged_plane = planes == 2 ? scratch.staged_plane : 0;
    const int64_t inner_plane = planes == 2 ? scratch.inner_plane : 0;
    unit.stage({source, g.in_length, width, first - g.pad_left, count + (g.kernel - 1) * phases, phases,
                scratch.phase_elements, alpha1.f32(), scratch.inverse1, scratch.staged, width, staged_plane});
    for (int64_t phase = 0; phase < phases && phase < count; ++phase) {
      Bf16Product product{element(scratch.staged, phase * scratch.phase_elements),
                          width,
                          staged_plane,
                          Bf16Depth::of(g.kernel, width),
                          panels(w1),
                          w1.shape.count_from(1),
                          (count - phase + phases - 1) / phases,
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
      product.next = element(scratch.inner, phase * width);
      product.next_stride = phases * width;
      product.next_plane = inner_plane;
      unit.multiply(product);
    }
    float* target = y.f32() + (item * g.in_length + first) * width;
    unit.multiply({scratch.inner, width, inner_plane, Bf16Depth::of(1, width), panels(w2), w2.shape.count_from(1),
                   count, width, 0, w2.shape[1], bias2.f32(), source + first * width, width, target, width});
  }

 private:
  void* element(void* staged, int64_t index) const { return static_cast<char*>(staged) + index * unit.element_size; }
  const uint32_t* panels(const Tensor& w) const { return reinterpret_cast<const uint32_t*>(w.i32()); }
};

}  // namespace

void fused_residual_unit_bf16(const KernelContext& context) {
  const Unit unit{context};
  const Conv1dGeometry& g = unit.g;
  ThreadPool* pool = context.pool;
  const int64_t rows = unit.tile_rows(pool->threads()), tiles = (g.in_length + rows - 1) / rows;
  const int64_t phase_rows = round_up_to(rows / unit.phases, unit.unit.row_tile) + g.kernel - 1;
  const int64_t phase_elements = phase_rows * unit.width;
  const int64_t staged = round_up_to(phase_elements * unit.phases, 32);
  const int64_t inner = round_up_to(round_up_to(rows, unit.unit.row_tile) * unit.width, 32);
  const int64_t inverse_bytes = round_up_to(unit.width * sizeof(float), 64);
  const int64_t element_bytes = unit.planes * unit.unit.element_size;
  parallel_for(pool, g.batch * tiles, [&](int64_t task, int worker) {
    const int64_t item = task / tiles, first = task % tiles * rows, left = g.in_length - first;
    const int64_t bytes = 2 * inverse_bytes + (staged + inner) * element_bytes;
    char* memory = static_cast<char*>(pool->scratch(worker, bytes));
    char* rows_memory = memory + 2 * inverse_bytes;
    const Unit::Scratch scratch{reinterpret_cast<float*>(memory),
                                reinterpret_cast<float*>(memory + inverse_bytes),
                                rows_memory,
                                rows_memory + staged * element_bytes,
                                phase_elements,
                                staged,
                                inner};
    snake_inverse(unit.alpha1, scratch.inverse1);
    snake_inverse(unit.alpha2, scratch.inverse2);
    unit.run(item, first, left < rows ? left : rows, scratch);
  });
}

}  // namespace lmspt

// Packed weights on CUDA: (planes,) groups, panels of 16 columns, taps, words of the tap's channels, 16; zeros beyond
// channels and columns. For float32 and tf32 that is the layout of gemm/panel.h; for bf16 that of gemm/bf16_panels.h
// with the pairs in plain order. Weights in rows (sm90_product.h) take as much: groups, columns, taps, words.
#pragma once

#include "device/cuda/launch.h"
#include "gemm/cuda/arithmetic.h"
#include "gemm/cuda/product.h"
#include "gemm/cuda/sm90_product.h"

namespace lmspt::cuda {

struct PackedSize {
  int64_t groups, taps, channels, columns;  // channels and columns of a group
};

// `weight(group, tap, channel, column)` gives B.
template <class Arithmetic, class Weight>
__global__ void pack_kernel(PackedSize size, bool rows, int64_t words, int64_t count, int64_t plane_step, Weight weight,
                            uint32_t* packed) {
  const int64_t panels = (size.columns + kPanelWidth - 1) / kPanelWidth, width = rows ? 1 : kPanelWidth;
  for (int64_t unit = first_unit(); unit < Arithmetic::kPlanes * count; unit += unit_step()) {
    const int64_t plane = unit / count, i = unit % count;
    const int64_t word = i / width % words, line = i / width / words, tap = line % size.taps;
    const int64_t across = panels * kPanelWidth / width, group = line / size.taps / across;
    const int64_t column = line / size.taps % across * width + i % width;
    float values[Arithmetic::kFloats];
    for (int f = 0; f < Arithmetic::kFloats; ++f) {
      const int64_t channel = word * Arithmetic::kFloats + f;
      const bool inside = channel < size.channels && column < size.columns;
      values[f] = inside ? weight(group, tap, channel, column) : 0.f;
    }
    packed[plane * plane_step + i] = Arithmetic::word(values, static_cast<int>(plane));
  }
}

// In rows or in panels. Planes lie `plane_step` words apart, one after the other by default.
template <class Weight>
void pack_weights(const KernelContext& context, Precision precision, const PackedSize& size, bool rows,
                  const Weight& weight, void* packed, int64_t plane_step = 0) {
  const int64_t words = words_of(precision, size.channels);
  const int64_t count = size.groups * panel_count(size.columns) * size.taps * words * kPanelWidth;
  const auto pack = [&](auto arithmetic) {
    using Arithmetic = decltype(arithmetic);
    launch_threads(context, pack_kernel<Arithmetic, Weight>, Arithmetic::kPlanes * count, size, rows, words, count,
                   plane_step ? plane_step : count, weight, static_cast<uint32_t*>(packed));
  };
  switch (precision) {
    case Precision::tf32: return pack(Tf32{});
    case Precision::bf16: return pack(Bf16{});
    case Precision::bf16x3: return pack(Bf16x3{});
    default: return pack(Float32{});
  }
}

// Panels, or rows, of `words` words of K for `columns` columns of a group.
inline ColumnsOfB columns_of(const Tensor& packed, int64_t words, int64_t columns, int64_t groups = 1) {
  ColumnsOfB b;
  b.data = static_cast<const uint32_t*>(packed.data);
  b.panel = words * kPanelWidth;
  b.group = panel_count(columns) * b.panel;
  b.plane = groups * b.group;
  return b;
}

}  // namespace lmspt::cuda

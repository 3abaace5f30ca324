// Packed weights of bf16 products: (planes, panels, taps, width / 2, 16) elements of two bf16 numbers each, type i32.
// There is one plane, or one of hi parts and one of lo parts for split products. Within a panel the pairs follow the
// order of K (Bf16Depth), zeros beyond channels and columns.
#pragma once

#include "device/cpu/thread_pool.h"
#include "device/precision.h"
#include "gemm/bf16.h"

namespace lmspt {

LMSPT_INLINE Tensor bf16_panels(Precision precision, int64_t taps, int64_t channels, int64_t columns) {
  const int64_t planes = precision == Precision::bf16x3 ? 2 : 1;
  Shape shape;
  shape.rank = 5;
  const int64_t dims[] = {planes, panel_count(columns), taps, bf16_width(channels) / 2, kPanelWidth};
  for (int i = 0; i < 5; ++i) shape.dims[i] = dims[i];
  return {nullptr, DType::i32, shape};
}

// `weight(tap, channel, column)` gives B in float32.
template <class Weight>
void pack_bf16(ThreadPool* pool, const Tensor& packed, int64_t channels, int64_t columns, Weight weight) {
  const int64_t planes = packed.shape[0], panels = packed.shape[1], width = packed.shape[3] * 2;
  const Bf16Depth depth = Bf16Depth::of(packed.shape[2], width);
  parallel_for(pool, panels, [&](int64_t panel, int) {
    uint32_t* high = reinterpret_cast<uint32_t*>(packed.i32()) + panel * depth.pairs() * kPanelWidth;
    uint32_t* low = high + panels * depth.pairs() * kPanelWidth;
    for (int64_t pair = 0; pair < depth.pairs(); ++pair) {
      for (int64_t lane = 0; lane < kPanelWidth; ++lane, ++high, ++low) {
        const int64_t column = panel * kPanelWidth + lane;
        float values[2];
        for (int half = 0; half < 2; ++half) {
          const int64_t element = depth.offset(pair) + half, channel = element % width;
          values[half] = channel < channels && column < columns ? weight(element / width, channel, column) : 0.f;
        }
        *high = to_bf16(values[0]) | static_cast<uint32_t>(to_bf16(values[1])) << 16;
        if (planes == 1) continue;
        *low = to_bf16(bf16_rest(values[0])) | static_cast<uint32_t>(to_bf16(bf16_rest(values[1]))) << 16;
      }
    }
  });
}

}  // namespace lmspt

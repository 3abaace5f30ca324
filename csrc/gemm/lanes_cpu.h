// Sixteen rows side by side: a short stretch of each, transposed, so that row n is lane n of every vector. Weights go
// into panels, and gradients of weights out of them, by way of it; walking along sixteen rows at once instead would
// miss the first-level cache where rows are a multiple of 4 KiB apart. Include only from *_cpu.cc files.
#pragma once

#include "device/cpu/simd.h"
#include "gemm/panel.h"

namespace lmspt::LMSPT_ISA {

struct Lanes {
  static constexpr int64_t kMost = 64;  // of a stretch

  alignas(64) float values[kMost][kLanes];

  // Elements [0, count) of `rows` rows; the other lanes are zeros.
  LMSPT_INLINE void load(const float* source, int64_t row_stride, int64_t rows, int64_t count) {
    if (rows < kLanes) std::memset(values, 0, count * sizeof *values);
    for (int64_t n = 0; n < rows && n < kLanes; ++n) {
      for (int64_t i = 0; i < count; ++i) values[i][n] = source[n * row_stride + i];
    }
  }

  LMSPT_INLINE void store(float* target, int64_t row_stride, int64_t rows, int64_t count) const {
    for (int64_t n = 0; n < rows && n < kLanes; ++n) {
      for (int64_t i = 0; i < count; ++i) target[n * row_stride + i] = values[i][n];
    }
  }
};

// Up to sixteen rows of w (rows, inputs, taps) as a panel (taps, inputs, 16), zeros beyond the rows.
LMSPT_INLINE void pack_panel(const float* w, int64_t inputs, int64_t taps, int64_t rows, float* panel) {
  Lanes lanes;
  int64_t input = 0, tap = 0;
  for (int64_t first = 0; first < inputs * taps; first += Lanes::kMost) {
    const int64_t left = inputs * taps - first, count = left < Lanes::kMost ? left : Lanes::kMost;
    lanes.load(w + first, inputs * taps, rows, count);
    for (int64_t i = 0; i < count; ++i) {
      Vec::load(lanes.values[i]).store(panel + (tap * inputs + input) * kPanelWidth);
      if (++tap == taps) tap = 0, ++input;
    }
  }
}

}  // namespace lmspt::LMSPT_ISA

// The search of a codebook on the CPU, for several rows at a time. Include only from *_cpu.cc files.
#pragma once

#include <math.h>

#include "device/cpu/simd.h"
#include "gemm/panel.h"

namespace lmspt::LMSPT_ISA {

constexpr double kLeastNorm = 1e-12;

LMSPT_INLINE double norm(const float* x, int64_t size) {
  double total = 0;
  for (int64_t i = 0; i < size; ++i) total += static_cast<double>(x[i]) * x[i];
  total = ::sqrt(total);
  return total > kLeastNorm ? total : kLeastNorm;
}

LMSPT_INLINE void normalize(const float* x, int64_t size, float* out) {
  const double scale = 1 / norm(x, size);
  for (int64_t i = 0; i < size; ++i) out[i] = static_cast<float>(x[i] * scale);
}

// For each of ROWS rows of length 1 the code whose row in the panels has the largest product with it, which is the
// smallest distance; the lowest of equals, and 0 where no product is a number above minus infinity. Panels are counted
// in floats, which are exact for the codes that a search takes.
template <int ROWS>
LMSPT_INLINE void nearest(const float* rows, int64_t size, const float* panels, int64_t panel_total, int32_t* codes) {
  Vec best[ROWS], where[ROWS];  // of every lane
  for (int row = 0; row < ROWS; ++row) best[row] = broadcast(-INFINITY), where[row] = broadcast(0);
  for (int64_t p = 0; p < panel_total; ++p) {
    const float* panel = panels + p * size * kPanelWidth;
    Vec products[ROWS];
    for (int row = 0; row < ROWS; ++row) products[row] = broadcast(0);
    for (int64_t i = 0; i < size; ++i) {
      const Vec column = Vec::load(panel + i * kPanelWidth);
      for (int row = 0; row < ROWS; ++row) products[row] = fma(broadcast(rows[row * size + i]), column, products[row]);
    }
    const Vec here = broadcast(static_cast<float>(p));
    for (int row = 0; row < ROWS; ++row) {
      where[row] = select_less(best[row], products[row], here, where[row]);
      best[row] = select_less(best[row], products[row], products[row], best[row]);
    }
  }
  for (int row = 0; row < ROWS; ++row) {
    alignas(64) float lanes[kLanes], places[kLanes];
    best[row].store(lanes);
    where[row].store(places);
    float largest = -INFINITY;
    int64_t code = 0;
    for (int lane = 0; lane < kLanes; ++lane) {
      const int64_t other = static_cast<int64_t>(places[lane]) * kPanelWidth + lane;
      if (lanes[lane] > largest || (lanes[lane] == largest && other < code)) largest = lanes[lane], code = other;
    }
    codes[row] = static_cast<int32_t>(code);
  }
}

// As many as leave the sums of all of them in registers.
#if defined(__AVX512F__)
constexpr int kRowsAtOnce = 6;
#else
constexpr int kRowsAtOnce = 2;
#endif

inline void nearest_rows(const float* rows, int64_t count, int64_t size, const float* panels, int64_t panel_total,
                         int32_t* codes) {
  int64_t row = 0;
  for (; row + kRowsAtOnce <= count; row += kRowsAtOnce) {
    nearest<kRowsAtOnce>(rows + row * size, size, panels, panel_total, codes + row);
  }
  for (; row < count; ++row) nearest<1>(rows + row * size, size, panels, panel_total, codes + row);
}

}  // namespace lmspt::LMSPT_ISA

// The two transforms of the fast convolution (winograd.h) on vectors of 16 channels.
#pragma once

#include "device/cpu/rows.h"
#include "ops/conv1d/winograd.h"

namespace lmspt::LMSPT_ISA {

// x[j], j < 7, to v[p], p < 7.
LMSPT_INLINE void winograd_input(const Vec* x, Vec* v) {
  const Vec four = broadcast(4), quarter = broadcast(0.25f), two = broadcast(2), half = broadcast(0.5f);
  const Vec odd_1 = fma(x[3], broadcast(-4.25f), x[1] + x[5]), even_1 = fma(x[2], broadcast(-4.25f), x[0] + x[4]);
  v[0] = odd_1 + even_1;
  v[1] = odd_1 - even_1;
  const Vec odd_2 = fma(x[1], quarter, fma(x[3], broadcast(-1.25f), x[5]));
  const Vec even_2 = fma(x[0], quarter, fma(x[2], broadcast(-1.25f), x[4]));
  v[2] = fma(even_2, two, odd_2);
  v[3] = fma(even_2, broadcast(-2), odd_2);
  const Vec odd_3 = fma(x[1], four, fma(x[3], broadcast(-5), x[5]));
  const Vec even_3 = fma(x[0], four, fma(x[2], broadcast(-5), x[4]));
  v[4] = fma(even_3, half, odd_3);
  v[5] = fma(even_3, broadcast(-0.5f), odd_3);
  v[6] = fma(x[2] - x[4], broadcast(5.25f), x[6] - x[0]);
}

// m[p], p < 7, to y[j], j < 4.
LMSPT_INLINE void winograd_output(const Vec* m, Vec* y) {
  const Vec sum_1 = m[0] + m[1], sum_2 = m[2] + m[3], sum_3 = m[4] + m[5];
  const Vec difference_1 = m[0] - m[1], difference_2 = m[2] - m[3], difference_3 = m[4] - m[5];
  y[0] = sum_1 + sum_2 + sum_3;
  y[1] = fma(difference_2, broadcast(2), fma(difference_3, broadcast(0.5f), difference_1));
  y[2] = fma(sum_2, broadcast(4), fma(sum_3, broadcast(0.25f), sum_1));
  y[3] = fma(difference_2, broadcast(8), fma(difference_3, broadcast(0.125f), difference_1)) + m[6];
}

}  // namespace lmspt::LMSPT_ISA

// What both devices do to four points of a fast Fourier transform.
#pragma once

#include "device/tensor.h"

namespace lmspt {

// A pass of radix 4 (Stockham's): x[0], x[quarter] and so on to y[0], y[stride] and so on, turned by w1, w2 and w1 w2.
template <class Complex, class Turn>
LMSPT_INLINE_ANYWHERE void butterfly(const Complex* x, int quarter, Complex* y, int stride, Turn w1, Turn w2) {
  const Complex ac = x[0] + x[2 * quarter], bd = x[quarter] + x[3 * quarter];
  const Complex a_c = x[0] - x[2 * quarter], i_b_d = times_i(x[quarter] - x[3 * quarter]);
  y[0] = ac + bd;
  y[stride] = w1 * (a_c - i_b_d);
  y[2 * stride] = w2 * (ac - bd);
  y[3 * stride] = (w1 * w2) * (a_c + i_b_d);
}

}  // namespace lmspt

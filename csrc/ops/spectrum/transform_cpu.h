// The fast Fourier transform of sixteen frames side by side, one in each lane. Include only from *_cpu.cc files.
// A frame of W real samples is transformed as W / 2 complex ones, sample 2 n and i times sample 2 n + 1; passes are of
// radix 4 (Stockham's, which leave the points in order), and of radix 2 at the end where there is an odd number of
// them.
#pragma once

#include "device/cpu/simd.h"
#include "ops/spectrum/butterfly.h"
#include "ops/spectrum/spectrum.h"

namespace lmspt::LMSPT_ISA {

struct Complex {
  Vec re, im;
};

LMSPT_INLINE Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
LMSPT_INLINE Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
LMSPT_INLINE Complex times_i(Complex a) { return {broadcast(0) - a.im, a.re}; }
LMSPT_INLINE Complex conjugate(Complex a) { return {a.re, broadcast(0) - a.im}; }
LMSPT_INLINE Complex halved(Complex a) { return {a.re * broadcast(0.5f), a.im * broadcast(0.5f)}; }

// A point on the unit circle, the same for all lanes.
struct Turn {
  float re, im;
};

LMSPT_INLINE Turn turn_at(const float* turns, int64_t i) { return {turns[2 * i], turns[2 * i + 1]}; }
LMSPT_INLINE Turn operator*(Turn a, Turn b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
LMSPT_INLINE Complex operator*(Turn t, Complex a) {
  const Vec re = broadcast(t.re), im = broadcast(t.im);
  return {re * a.re - im * a.im, re * a.im + im * a.re};
}

// Transforms the points of `from`; both are written over. Returns where the result lies.
inline Complex* transform(Complex* from, Complex* to, int points, const float* turns) {
  int stride = 1;
  for (; points / stride >= 4; stride *= 4) {
    const int quarter = points / 4;
    for (int p = 0; p < quarter / stride; ++p) {
      const Turn w1 = turn_at(turns, 2 * p * stride), w2 = turn_at(turns, 4 * p * stride);
      for (int q = 0; q < stride; ++q) {
        butterfly(from + q + p * stride, quarter, to + q + 4 * p * stride, stride, w1, w2);
      }
    }
    Complex* other = from;
    from = to, to = other;
  }
  if (points / stride == 1) return from;
  for (int q = 0; q < stride; ++q) {
    to[q] = from[q] + from[q + stride];
    to[q + stride] = from[q] - from[q + stride];
  }
  return to;
}

// Bin k of the real samples, out of the transform z of the complex ones.
LMSPT_INLINE Complex spectrum_at(const Complex* z, int k, int points, const float* turns) {
  if (k == points) return {z[0].re - z[0].im, broadcast(0)};
  const Complex mirrored = conjugate(z[(points - k) & (points - 1)]);
  const Complex even = halved(z[k] + mirrored), odd = halved(z[k] - mirrored);
  return even - turn_at(turns, k) * times_i(odd);
}

// The points whose transform is the conjugate of y, for
//   y[2 n] + i y[2 n + 1], y[n] = Re of the sum over k of bin(k) e^(2 pi i k n / W).
template <class Bin>
LMSPT_INLINE void points_of_spectrum(const Bin& bin, int points, const float* turns, Complex* z) {
  for (int k = 0; k < points; ++k) {
    Complex low = bin(k), high = conjugate(bin(points - k));
    if (k == 0) {
      low.im = high.im = broadcast(0);
    } else {
      low = halved(low), high = halved(high);
    }
    const Turn t = turn_at(turns, k);
    z[k] = conjugate(low + high + times_i(Turn{t.re, -t.im} * (low - high)));
  }
}

}  // namespace lmspt::LMSPT_ISA

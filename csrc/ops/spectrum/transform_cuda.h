// The fast Fourier transform of several frames in shared memory, by a block. A frame of W real samples is transformed
// as W / 2 complex ones, sample 2 n and i times sample 2 n + 1; passes are of radix 4 (Stockham's, which leave the
// points in order), and of radix 2 at the end where there is an odd number of them.
#pragma once

#include "device/cuda/launch.h"
#include "ops/spectrum/butterfly.h"
#include "ops/spectrum/spectrum.h"

namespace lmspt::cuda {

constexpr int kPoints =
    2048;  // complex ones that a block transforms at a time: a frame of 4096 samples, two of 2048 ...

struct Complex {
  float re, im;
};

LMSPT_INLINE_ANYWHERE Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
LMSPT_INLINE_ANYWHERE Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
LMSPT_INLINE_ANYWHERE Complex operator*(Complex a, Complex b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
LMSPT_INLINE_ANYWHERE Complex times_i(Complex a) { return {-a.im, a.re}; }
__device__ inline Complex conjugate(Complex a) { return {a.re, -a.im}; }
__device__ inline Complex scaled(Complex a, float factor) { return {a.re * factor, a.im * factor}; }
__device__ inline float power(Complex a) { return a.re * a.re + a.im * a.im; }

__device__ inline Complex load_complex(const float* p) {
  const float2 two = *reinterpret_cast<const float2*>(p);
  return {two.x, two.y};
}

__device__ inline int log2_of(int power) { return __popc(power - 1); }

__device__ inline Complex turn_at(const float* turns, int i) { return load_complex(turns + 2 * i); }

// Transforms `count` frames of points that lie one after the other in `from`; both are written over. Returns where the
// results lie. Barriers before and after.
__device__ inline Complex* transform(Complex* from, Complex* to, int count, int points, const float* turns) {
  __syncthreads();
  const int quarter = points / 4, log_quarter = log2_of(quarter);
  int stride = 1, log_stride = 0;
  for (; points >> log_stride >= 4; stride *= 4, log_stride += 2) {
    for (int i = threadIdx.x; i < count * quarter; i += blockDim.x) {
      const int frame = i >> log_quarter, place = i & (quarter - 1), q = place & (stride - 1), p = place >> log_stride;
      const Complex w1 = turn_at(turns, 2 * p * stride), w2 = turn_at(turns, 4 * p * stride);
      butterfly(from + frame * points + place, quarter, to + frame * points + q + 4 * p * stride, stride, w1, w2);
    }
    __syncthreads();
    Complex* other = from;
    from = to, to = other;
  }
  if (stride == points) return from;
  for (int i = threadIdx.x; i < count * stride; i += blockDim.x) {
    const int at = (i >> log_stride) * points + (i & (stride - 1));
    const Complex* x = from + at;
    Complex* y = to + at;
    y[0] = x[0] + x[stride];
    y[stride] = x[0] - x[stride];
  }
  __syncthreads();
  return to;
}

// Bin k of the real samples, out of the transform z of the complex ones.
__device__ inline Complex spectrum_at(const Complex* z, int k, int points, const float* turns) {
  if (k == points) return {z[0].re - z[0].im, 0.f};
  const Complex mirrored = conjugate(z[(points - k) & (points - 1)]);
  const Complex even = scaled(z[k] + mirrored, 0.5f), odd = scaled(z[k] - mirrored, 0.5f);
  return even - turn_at(turns, k) * times_i(odd);
}

// Point k of those whose transform is the conjugate of y, for
//   y[2 n] + i y[2 n + 1], y[n] = Re of the sum over k of bin(k) e^(2 pi i k n / W); low = bin(k), high = bin(W / 2 -
//   k).
__device__ inline Complex point_of_spectrum(Complex low, Complex high, int k, const float* turns) {
  high = conjugate(high);
  if (k == 0) {
    low.im = high.im = 0;
  } else {
    low = scaled(low, 0.5f), high = scaled(high, 0.5f);
  }
  return conjugate(low + high + times_i(conjugate(turn_at(turns, k)) * (low - high)));
}

}  // namespace lmspt::cuda

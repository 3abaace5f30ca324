// Elementary functions of kernels, by the same formulas as device/cpu/math.h, so that both devices round alike.
#pragma once

#include <cuda_runtime.h>

#include "device/cuda/instructions.h"

namespace lmspt::cuda {

// exp(x) for x <= 0, exactly zero where it would not be a normal number.
__device__ inline float exp_falling(float x) { return x < -87.f ? 0.f : expf(x); }

// sin(x) up to sign: x = n pi + r, |r| <= pi / 2, pi in three parts so that |x| up to 10^4 keeps its digits.
struct HalfPeriod {
  float n, sine_of_rest;
};

__device__ inline HalfPeriod sine_in_half_period(float x) {
  const float n = rintf(x * 0.318309886f);
  float r = fmaf(n, -3.140625f, x);
  r = fmaf(n, -9.67502593994140625e-4f, r);
  r = fmaf(n, -1.509957990978376e-7f, r);
  const float square = r * r;
  float p = -2.38889859e-8f;
  p = fmaf(p, square, 2.75255616e-6f);
  p = fmaf(p, square, -1.98408743e-4f);
  p = fmaf(p, square, 8.33333097e-3f);
  p = fmaf(p, square, -1.66666667e-1f);
  return {n, fmaf(p * square, r, r)};
}

__device__ inline float sine(float x) {
  const HalfPeriod part = sine_in_half_period(x);
  const float half = part.n * 0.5f, odd = half - rintf(half);  // 0 for even n, else 0.5 or -0.5
  return part.sine_of_rest * fmaf(odd * odd, -8.f, 1.f);
}

__device__ inline float sine_squared(float x) {
  const float value = sine_in_half_period(x).sine_of_rest;
  return value * value;
}

// Snake: x + sin^2(alpha x) / (alpha + 1e-9); `inverse` is snake_inverse(alpha).
__device__ inline float snake_inverse(float alpha) { return 1.f / (alpha + 1e-9f); }
__device__ inline float snake(float x, float alpha, float inverse) { return fmaf(sine_squared(alpha * x), inverse, x); }

// The same for bf16 numbers, with a third of the instructions: off by less than 2^-16 of it, since x +
// sin^2(alpha x) / alpha is more than a quarter of x, and where sines are bad it is x but for less than 1/300.
__device__ inline float snake_near(float x, float alpha, float inverse) {
  const float sine = sine_near(alpha * x);
  return fmaf(sine * sine, inverse, x);
}

// GELU: x times the normal distribution's share below x; its gradient with respect to x, times y.
__device__ inline float normal_cdf(float x) { return 0.5f * (1.f + erff(x * 0.707106781f)); }
__device__ inline float gelu(float x) { return x * normal_cdf(x); }
__device__ inline float gelu_grad(float x, float y) {
  return y * fmaf(x * 0.39894228f, expf(-0.5f * x * x), normal_cdf(x));
}

// The same for bf16 numbers, with a third to a half of the instructions: the share is off by less than 2e-7 (Abramowitz
// and Stegun 1964, 7.1.26).
struct NearNormal {
  float bell, share;  // exp(-x^2 / 2), and the share below x
};
__device__ inline NearNormal normal_near(float x) {
  const float t = reciprocal_near(fmaf(fabsf(x), 0.231641888f, 1.f)), bell = exp2_near(x * x * -0.72134752f);
  float tail = fmaf(t, 0.5307027145f, -0.7265760135f);
  tail = fmaf(t, tail, 0.7107068705f);
  tail = fmaf(t, tail, -0.142248368f);
  tail = fmaf(t, tail, 0.127414796f) * t * bell;
  return {bell, x < 0.f ? tail : 1.f - tail};
}
__device__ inline float gelu_near(float x) { return x * normal_near(x).share; }
__device__ inline float gelu_grad_near(float x, float y) {
  const NearNormal normal = normal_near(x);
  return y * fmaf(x * 0.39894228f, normal.bell, normal.share);
}

}  // namespace lmspt::cuda

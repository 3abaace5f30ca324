// Elementary functions on vectors. Errors are measured by the pointwise tests against double precision:
// about 1e-7 relative for exp, 1e-7 absolute for sin squared. Include only from *_cpu.cc files.
#pragma once

#include "device/cpu/simd.h"

namespace lmspt::LMSPT_ISA {

// exp(x): x = n ln 2 + r, |r| <= ln 2 / 2, a polynomial of degree 7 for exp(r). Infinity above 88.7228; below -87.3365,
// where the result would not be a normal number, zero.
LMSPT_INLINE Vec exp(Vec argument) {
  const Vec low = broadcast(-87.33654f), high = broadcast(88.72283f);
  const Vec x = min(high, max(low, argument));  // in this order a NaN passes through
  // 2^n must stay a normal number for every variant: split off at most 127 powers of two.
  const Vec n = min(broadcast(127.f), round(x * broadcast(1.44269504f)));
  Vec r = fma(n, broadcast(-0.693359375f), x);
  r = fma(n, broadcast(2.12194440e-4f), r);
  Vec p = broadcast(1.0f / 5040);
  p = fma(p, r, broadcast(1.0f / 720));
  p = fma(p, r, broadcast(1.0f / 120));
  p = fma(p, r, broadcast(1.0f / 24));
  p = fma(p, r, broadcast(1.0f / 6));
  p = fma(p, r, broadcast(0.5f));
  p = fma(p, r, broadcast(1.0f));
  p = fma(p, r, broadcast(1.0f));
  const Vec result = select_less(argument, low, broadcast(0), scale_by_power_of_two(p, n));
  return select_less(high, argument, broadcast(__builtin_inff()), result);
}

// tanh(x) = sign(x) (1 - 2 / (exp(2|x|) + 1)); a series near zero, where that form loses digits.
LMSPT_INLINE Vec tanh(Vec x) {
  const Vec magnitude = max(x, broadcast(0) - x);
  const Vec square = x * x;
  Vec series = broadcast(-0.00886323553f);
  series = fma(series, square, broadcast(0.0218694885f));
  series = fma(series, square, broadcast(-0.0539682540f));
  series = fma(series, square, broadcast(0.133333333f));
  series = fma(series, square, broadcast(-0.333333333f));
  series = fma(series * square, x, x);
  const Vec large = broadcast(1) - broadcast(2) / (exp(magnitude + magnitude) + broadcast(1));
  const Vec signed_large = select_less(x, broadcast(0), broadcast(0) - large, large);
  return select_less(magnitude, broadcast(0.35f), series, signed_large);
}

// sin(x) up to sign: x = n pi + r, |r| <= pi / 2, pi in three parts so that |x| up to 10^4 keeps its digits.
struct HalfPeriod {
  Vec n, sine_of_rest;
};
LMSPT_INLINE HalfPeriod sine_in_half_period(Vec x) {
  const Vec n = round(x * broadcast(0.318309886f));
  Vec r = fma(n, broadcast(-3.140625f), x);
  r = fma(n, broadcast(-9.67502593994140625e-4f), r);
  r = fma(n, broadcast(-1.509957990978376e-7f), r);
  const Vec square = r * r;
  Vec p = broadcast(-2.38889859e-8f);
  p = fma(p, square, broadcast(2.75255616e-6f));
  p = fma(p, square, broadcast(-1.98408743e-4f));
  p = fma(p, square, broadcast(8.33333097e-3f));
  p = fma(p, square, broadcast(-1.66666667e-1f));
  return {n, fma(p * square, r, r)};
}

LMSPT_INLINE Vec sin(Vec x) {
  const HalfPeriod part = sine_in_half_period(x);
  const Vec half = part.n * broadcast(0.5f);
  const Vec odd = half - round(half);  // 0 for even n, else 0.5 or -0.5
  return part.sine_of_rest * fma(odd * odd, broadcast(-8), broadcast(1));
}

LMSPT_INLINE Vec sin_squared(Vec x) {
  const Vec sine = sine_in_half_period(x).sine_of_rest;
  return sine * sine;
}

// Snake: x + sin^2(alpha x) / (alpha + 1e-9); `inverse` is 1 / (alpha + 1e-9).
LMSPT_INLINE Vec snake(Vec x, Vec alpha, Vec inverse) { return fma(sin_squared(alpha * x), inverse, x); }

// erf by exp and a polynomial in 1 / (1 + p |x|) (Abramowitz and Stegun 7.1.26), absolute error below 1.5e-7.
LMSPT_INLINE Vec erf(Vec x) {
  const Vec magnitude = max(x, broadcast(0) - x);
  const Vec t = broadcast(1) / fma(magnitude, broadcast(0.3275911f), broadcast(1));
  Vec p = broadcast(1.061405429f);
  p = fma(p, t, broadcast(-1.453152027f));
  p = fma(p, t, broadcast(1.421413741f));
  p = fma(p, t, broadcast(-0.284496736f));
  p = fma(p, t, broadcast(0.254829592f));
  const Vec value = broadcast(1) - p * t * exp(broadcast(0) - x * x);
  return select_less(x, broadcast(0), broadcast(0) - value, value);
}

// GELU: x times the normal distribution's share below x; its gradient with respect to x, times y.
LMSPT_INLINE Vec normal_cdf(Vec x) { return broadcast(0.5f) * (broadcast(1) + erf(x * broadcast(0.707106781f))); }
LMSPT_INLINE Vec gelu(Vec x) { return x * normal_cdf(x); }
LMSPT_INLINE Vec gelu_grad(Vec x, Vec y) {
  return y * fma(x * broadcast(0.39894228f), exp(broadcast(-0.5f) * x * x), normal_cdf(x));
}

}  // namespace lmspt::LMSPT_ISA

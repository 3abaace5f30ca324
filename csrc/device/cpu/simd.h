// Vectors of 16 floats, the one width in which all CPU kernels are written: one register with AVX-512, two with AVX2,
// four 128-bit ones elsewhere (SSE2, NEON through the compiler's vector types).
// `max` and `min` give their second argument where either is NaN. Elements never meet across lanes except in `sum` and
// `max_lane`, whose order is fixed, so a value does not depend on where in a buffer it lies. Include only from *_cpu.cc
// files.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "device/tensor.h"

namespace lmspt::LMSPT_ISA {

constexpr int kLanes = 16;

#if defined(__AVX512F__)

struct Vec {
  __m512 v;
  static LMSPT_INLINE Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static LMSPT_INLINE Vec broadcast(float x) { return {_mm512_set1_ps(x)}; }
  LMSPT_INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
};
LMSPT_INLINE Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
LMSPT_INLINE Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
LMSPT_INLINE Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
LMSPT_INLINE Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
LMSPT_INLINE Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
LMSPT_INLINE Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
LMSPT_INLINE Vec min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
LMSPT_INLINE Vec sqrt(Vec a) { return {_mm512_sqrt_ps(a.v)}; }
LMSPT_INLINE Vec round(Vec a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
// a * 2^n for integral n in the range of normal exponents
LMSPT_INLINE Vec scale_by_power_of_two(Vec a, Vec n) { return {_mm512_scalef_ps(a.v, n.v)}; }
// a < b ? x : y
LMSPT_INLINE Vec select_less(Vec a, Vec b, Vec x, Vec y) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), y.v, x.v)};
}

#elif defined(__AVX2__)

struct Vec {
  __m256 v[2];
  static LMSPT_INLINE Vec load(const float* p) { return {{_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}}; }
  static LMSPT_INLINE Vec broadcast(float x) { return {{_mm256_set1_ps(x), _mm256_set1_ps(x)}}; }
  LMSPT_INLINE void store(float* p) const {
    _mm256_storeu_ps(p, v[0]);
    _mm256_storeu_ps(p + 8, v[1]);
  }
};
#define LMSPT_EACH_HALF(expression_0, expression_1) \
  return {                                          \
    {                                               \
      expression_0, expression_1                    \
    }                                               \
  }
LMSPT_INLINE Vec operator+(Vec a, Vec b) {
  LMSPT_EACH_HALF(_mm256_add_ps(a.v[0], b.v[0]), _mm256_add_ps(a.v[1], b.v[1]));
}
LMSPT_INLINE Vec operator-(Vec a, Vec b) {
  LMSPT_EACH_HALF(_mm256_sub_ps(a.v[0], b.v[0]), _mm256_sub_ps(a.v[1], b.v[1]));
}
LMSPT_INLINE Vec operator*(Vec a, Vec b) {
  LMSPT_EACH_HALF(_mm256_mul_ps(a.v[0], b.v[0]), _mm256_mul_ps(a.v[1], b.v[1]));
}
LMSPT_INLINE Vec operator/(Vec a, Vec b) {
  LMSPT_EACH_HALF(_mm256_div_ps(a.v[0], b.v[0]), _mm256_div_ps(a.v[1], b.v[1]));
}
LMSPT_INLINE Vec fma(Vec a, Vec b, Vec c) {
  LMSPT_EACH_HALF(_mm256_fmadd_ps(a.v[0], b.v[0], c.v[0]), _mm256_fmadd_ps(a.v[1], b.v[1], c.v[1]));
}
LMSPT_INLINE Vec max(Vec a, Vec b) { LMSPT_EACH_HALF(_mm256_max_ps(a.v[0], b.v[0]), _mm256_max_ps(a.v[1], b.v[1])); }
LMSPT_INLINE Vec min(Vec a, Vec b) { LMSPT_EACH_HALF(_mm256_min_ps(a.v[0], b.v[0]), _mm256_min_ps(a.v[1], b.v[1])); }
LMSPT_INLINE Vec sqrt(Vec a) { LMSPT_EACH_HALF(_mm256_sqrt_ps(a.v[0]), _mm256_sqrt_ps(a.v[1])); }
LMSPT_INLINE __m256 round_half(__m256 a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
LMSPT_INLINE Vec round(Vec a) { LMSPT_EACH_HALF(round_half(a.v[0]), round_half(a.v[1])); }
LMSPT_INLINE __m256 scale_half(__m256 a, __m256 n) {
  const __m256i exponent = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  return _mm256_mul_ps(a, _mm256_castsi256_ps(exponent));
}
LMSPT_INLINE Vec scale_by_power_of_two(Vec a, Vec n) {
  LMSPT_EACH_HALF(scale_half(a.v[0], n.v[0]), scale_half(a.v[1], n.v[1]));
}
LMSPT_INLINE __m256 select_half(__m256 a, __m256 b, __m256 x, __m256 y) {
  return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
LMSPT_INLINE Vec select_less(Vec a, Vec b, Vec x, Vec y) {
  LMSPT_EACH_HALF(select_half(a.v[0], b.v[0], x.v[0], y.v[0]), select_half(a.v[1], b.v[1], x.v[1], y.v[1]));
}
#undef LMSPT_EACH_HALF

#else

using Quad = float __attribute__((vector_size(16)));
using QuadInt = int32_t __attribute__((vector_size(16)));

struct Vec {
  Quad v[4];
  static LMSPT_INLINE Vec load(const float* p) {
    Vec r;
    std::memcpy(&r, p, sizeof r);
    return r;
  }
  static LMSPT_INLINE Vec broadcast(float x) {
    const Quad q = {x, x, x, x};
    return {{q, q, q, q}};
  }
  LMSPT_INLINE void store(float* p) const { std::memcpy(p, this, sizeof *this); }
};

template <class Body>
LMSPT_INLINE Vec each_quad(Body body) {
  return {{body(0), body(1), body(2), body(3)}};
}
LMSPT_INLINE Vec operator+(Vec a, Vec b) {
  return each_quad([&](int i) { return a.v[i] + b.v[i]; });
}
LMSPT_INLINE Vec operator-(Vec a, Vec b) {
  return each_quad([&](int i) { return a.v[i] - b.v[i]; });
}
LMSPT_INLINE Vec operator*(Vec a, Vec b) {
  return each_quad([&](int i) { return a.v[i] * b.v[i]; });
}
LMSPT_INLINE Vec operator/(Vec a, Vec b) {
  return each_quad([&](int i) { return a.v[i] / b.v[i]; });
}
LMSPT_INLINE Vec fma(Vec a, Vec b, Vec c) {
  return each_quad([&](int i) { return a.v[i] * b.v[i] + c.v[i]; });
}
LMSPT_INLINE Quad select_quad(QuadInt mask, Quad x, Quad y) {
  return reinterpret_cast<Quad>((mask & reinterpret_cast<QuadInt>(x)) | (~mask & reinterpret_cast<QuadInt>(y)));
}
LMSPT_INLINE Vec max(Vec a, Vec b) {
  return each_quad([&](int i) { return select_quad(a.v[i] > b.v[i], a.v[i], b.v[i]); });
}
LMSPT_INLINE Vec min(Vec a, Vec b) {
  return each_quad([&](int i) { return select_quad(a.v[i] < b.v[i], a.v[i], b.v[i]); });
}
LMSPT_INLINE Vec sqrt(Vec a) {
  return each_quad([&](int i) {
    Quad r;
    for (int lane = 0; lane < 4; ++lane) r[lane] = __builtin_sqrtf(a.v[i][lane]);
    return r;
  });
}
// Adding and taking away 2^23 with the sign of a rounds to the nearest integer; from 2^23 on there are only integers.
LMSPT_INLINE Vec round(Vec a) {
  return each_quad([&](int i) {
    const Quad limit = {8388608.f, 8388608.f, 8388608.f, 8388608.f};
    const Quad magic = select_quad(a.v[i] < 0, -limit, limit);
    const Quad rounded = (a.v[i] + magic) - magic;
    return select_quad((a.v[i] < limit) & (a.v[i] > -limit), rounded, a.v[i]);
  });
}
LMSPT_INLINE Vec scale_by_power_of_two(Vec a, Vec n) {
  return each_quad([&](int i) {
    const QuadInt exponent = (__builtin_convertvector(n.v[i], QuadInt) + 127) << 23;
    return a.v[i] * reinterpret_cast<Quad>(exponent);
  });
}
LMSPT_INLINE Vec select_less(Vec a, Vec b, Vec x, Vec y) {
  return each_quad([&](int i) { return select_quad(a.v[i] < b.v[i], x.v[i], y.v[i]); });
}

#endif

LMSPT_INLINE Vec broadcast(float x) { return Vec::broadcast(x); }

// load_part: the first n of 16 floats, 0 <= n <= 16; the other lanes are `fill`. Nothing beyond them is touched.
#if defined(__AVX512F__)

LMSPT_INLINE __mmask16 first_lanes(int n) { return static_cast<__mmask16>((1u << n) - 1); }
LMSPT_INLINE Vec load_part(const float* p, int n, float fill = 0) {
  return {_mm512_mask_loadu_ps(_mm512_set1_ps(fill), first_lanes(n), p)};
}
LMSPT_INLINE void store_part(Vec v, float* p, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), v.v); }

#elif defined(__AVX2__)

// All ones in the lanes of the half that begins at `first` and lie before n.
LMSPT_INLINE __m256i first_lanes(int n, int first) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n - first), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
LMSPT_INLINE Vec load_part(const float* p, int n, float fill = 0) {
  Vec r;
  for (int half = 0; half < 2; ++half) {
    const __m256i mask = first_lanes(n, 8 * half);
    const __m256 loaded = _mm256_maskload_ps(p + 8 * half, mask);
    r.v[half] = _mm256_blendv_ps(_mm256_set1_ps(fill), loaded, _mm256_castsi256_ps(mask));
  }
  return r;
}
LMSPT_INLINE void store_part(Vec v, float* p, int n) {
  for (int half = 0; half < 2; ++half) _mm256_maskstore_ps(p + 8 * half, first_lanes(n, 8 * half), v.v[half]);
}

#else

LMSPT_INLINE Vec load_part(const float* p, int n, float fill = 0) {
  alignas(64) float lanes[kLanes];
  for (int i = 0; i < kLanes; ++i) lanes[i] = i < n ? p[i] : fill;
  return Vec::load(lanes);
}
LMSPT_INLINE void store_part(Vec v, float* p, int n) {
  alignas(64) float lanes[kLanes];
  v.store(lanes);
  for (int i = 0; i < n; ++i) p[i] = lanes[i];
}

#endif

// Pairwise, in a fixed order.
LMSPT_INLINE float sum(Vec v) {
  alignas(64) float lanes[kLanes];
  v.store(lanes);
  for (int width = kLanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; ++i) lanes[i] += lanes[i + width];
  }
  return lanes[0];
}

LMSPT_INLINE float max_lane(Vec v) {
  alignas(64) float lanes[kLanes];
  v.store(lanes);
  float best = lanes[0];
  for (int i = 1; i < kLanes; ++i) best = lanes[i] > best ? lanes[i] : best;
  return best;
}

}  // namespace lmspt::LMSPT_ISA

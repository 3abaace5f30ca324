// bf16 in vectors: rounding, staging rows, and what happens to sums. Include only from files compiled for a variant.
#pragma once

#include "device/cpu/rows.h"
#include "gemm/bf16_unit.h"

namespace lmspt::LMSPT_ISA {

// ---- 16 floats rounded to bf16 ----

#if defined(__AVX512BF16__)

LMSPT_INLINE __m256i bf16_bits(Vec v) { return (__m256i)_mm512_cvtneps_pbh(v.v); }
LMSPT_INLINE void store_bf16(Vec v, uint16_t* p) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), bf16_bits(v)); }
LMSPT_INLINE Vec round_to_bf16(Vec v) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bf16_bits(v)), 16))};
}

#elif defined(__AVX512F__)

LMSPT_INLINE Vec round_to_bf16(Vec v) {
  const __m512i bits = _mm512_castps_si512(v.v),
                odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __mmask16 nan = _mm512_cmp_ps_mask(v.v, v.v, _CMP_UNORD_Q);
  const __m512i result = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
  return {_mm512_castsi512_ps(_mm512_and_si512(result, _mm512_set1_epi32(-0x10000)))};
}

#elif defined(__AVX2__)

LMSPT_INLINE __m256 round_half_to_bf16(__m256 v) {
  const __m256i bits = _mm256_castps_si256(v),
                odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256 rounded = _mm256_castsi256_ps(_mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))));
  const __m256 quiet = _mm256_castsi256_ps(_mm256_or_si256(bits, _mm256_set1_epi32(0x400000)));
  const __m256 result = _mm256_blendv_ps(rounded, quiet, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  return _mm256_and_ps(result, _mm256_castsi256_ps(_mm256_set1_epi32(-0x10000)));
}
LMSPT_INLINE Vec round_to_bf16(Vec v) { return {{round_half_to_bf16(v.v[0]), round_half_to_bf16(v.v[1])}}; }

#else

LMSPT_INLINE Vec round_to_bf16(Vec v) {
  alignas(64) float lanes[kLanes];
  v.store(lanes);
  for (int i = 0; i < kLanes; ++i) lanes[i] = from_bf16(to_bf16(lanes[i]));
  return Vec::load(lanes);
}

#endif

#if !defined(__AVX512BF16__)

LMSPT_INLINE void store_bf16(Vec v, uint16_t* p) {
  alignas(64) float lanes[kLanes];
  v.store(lanes);
  for (int i = 0; i < kLanes; ++i) p[i] = to_bf16(lanes[i]);
}

#endif

// ---- staging ----

// Staged elements are uint16_t, or floats that hold bf16 values.
LMSPT_INLINE void store_staged(Vec v, uint16_t* p) { store_bf16(v, p); }
LMSPT_INLINE void store_staged(Vec v, float* p) { round_to_bf16(v).store(p); }

template <class Element>
LMSPT_INLINE void store_staged_left(Vec v, Element* p, int64_t left) {
  if (left >= kLanes) return store_staged(v, p);
  alignas(64) Element lanes[kLanes];
  store_staged(v, lanes);
  for (int64_t i = 0; i < left; ++i) p[i] = lanes[i];
}

// Up to 16 elements, and their lo parts where there is a plane for them.
template <class Element>
LMSPT_INLINE void store_operand(Vec value, Element* place, int64_t plane, int64_t left) {
  store_staged_left(value, place, left);
  if (!plane) return;
  const Vec rest = value - round_to_bf16(value), none = broadcast(0);
  store_staged_left(max(rest, none) + min(rest, none), place + plane, left);  // what is not a number becomes zero
}

LMSPT_INLINE Vec snake_left(Vec value, const float* alpha, const float* inverse, int64_t left) {
  return snake(value, load_left(alpha, left), load_left(inverse, left));
}

template <class Element>
LMSPT_INLINE void stage_row(const Bf16Stage& s, const float* x, Element* row) {
  for (int64_t c = 0; c < s.width; c += kLanes) {
    const int64_t left = s.channels - c;
    Vec value = load_left(x + c, left);
    if (s.alpha) value = snake_left(value, s.alpha + c, s.inverse + c, left);
    store_operand(value, row + c, s.plane, s.width - c);
  }
}

template <class Element>
void stage_rows(const Bf16Stage& s) {
  for (int64_t i = 0; i < s.count; ++i) {
    Element* row = static_cast<Element*>(s.staged) + i % s.phases * s.phase_elements + i / s.phases * s.width;
    const int64_t source = s.first + i;
    if (source >= 0 && source < s.length) {
      stage_row(s, s.x + source * s.channels, row);
      continue;
    }
    std::memset(row, 0, s.width * sizeof(Element));
    if (s.plane) std::memset(row + s.plane, 0, s.width * sizeof(Element));
  }
}

// ---- sums ----

// Adds bias and residual to 16 sums of one row and puts them into C, or into rows of the next product.
template <class Element>
LMSPT_INLINE void finish_bf16(const Bf16Product& p, int64_t row, int64_t panel, Vec value) {
  const int64_t column = panel * kPanelWidth, left = p.columns - column;
  if (p.bias) value = value + load_left(p.bias + column, left);
  if (p.next) {
    Element* place = static_cast<Element*>(p.next) + row * p.next_stride + column;
    return store_operand(snake_left(value, p.alpha + column, p.inverse + column, left), place, p.next_plane, left);
  }
  if (p.residual) value = value + load_left(p.residual + row * p.residual_stride + column, left);
  store_left(value, p.c + row * p.c_stride + column, left);
}

}  // namespace lmspt::LMSPT_ISA

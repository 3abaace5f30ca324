// Products of bf16 operands with float32 sums: C[m, n] = sum over k of A[m, k] B[k, n], with A rounded to bf16 (to
// nearest, ties to even) when its rows are staged and B when it is packed. In a split product both are sums of two bf16
// numbers, hi = round(x) and lo = round(x - hi), and C sums lo hi + hi hi + hi lo.
//
// Rows of A are `taps` neighbouring staged rows of `width` elements, channels completed to an even number by zeros. K
// runs through them in blocks of 32: where the width is a multiple of 32, through all taps of 32 channels before the
// next 32, so that the elements read stay in the first cache; otherwise straight through.
#pragma once

#include <cstdint>
#include <cstring>

#include "device/tensor.h"
#include "gemm/panel.h"

namespace lmspt {

constexpr int64_t kBf16Block = 32;
constexpr int64_t kBf16Pairs = kBf16Block / 2;

LMSPT_INLINE int64_t bf16_width(int64_t channels) { return (channels + 1) / 2 * 2; }

// The order of K as runs, which are `run_length` apart: for every block of a run, that block of all runs.
struct Bf16Depth {
  int64_t runs, run_length;

  static LMSPT_INLINE Bf16Depth of(int64_t taps, int64_t width) {
    return width % kBf16Block == 0 ? Bf16Depth{taps, width} : Bf16Depth{1, taps * width};
  }
  LMSPT_INLINE int64_t pairs() const { return runs * run_length / 2; }

  // Where the elements 2 pair and 2 pair + 1 of K lie in a row of A.
  LMSPT_INLINE int64_t offset(int64_t pair) const {
    const int64_t block = pair / kBf16Pairs;
    return block % runs * run_length + block / runs * kBf16Block + pair % kBf16Pairs * 2;
  }
};

LMSPT_INLINE uint16_t to_bf16(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if (value != value) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

LMSPT_INLINE float from_bf16(uint16_t value) {
  const uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

// The rest that a split product takes along; none of infinities.
LMSPT_INLINE float bf16_rest(float value) {
  const float rest = value - from_bf16(to_bf16(value));
  return rest == rest ? rest : 0.f;
}

}  // namespace lmspt

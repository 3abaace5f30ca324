// bf16 products in vectors. With AVX512-BF16 one instruction adds a pair of products; elsewhere bf16 values are widened
// and multiplied in float32, which gives the same sums: products of bf16 numbers are exact there. Of a pair, the odd
// element is added first, as the instruction does. Numbers below 2^-126 count as zeros with AVX512-BF16 alone.
#include "gemm/bf16_cpu.h"

namespace lmspt::LMSPT_ISA {

namespace {

#if defined(__AVX512BF16__)

constexpr const char* kDescription = "bf16 products by AVX512-BF16, float32 sums";
using Staged = uint16_t;

struct Pairs {  // two rows of 16 columns
  __m512bh v;
  static LMSPT_INLINE Pairs load(const uint32_t* p) { return {(__m512bh)_mm512_loadu_si512(p)}; }
};
struct Pair {  // two elements of a row of A
  __m512bh v;
  static LMSPT_INLINE Pair load(const Staged* p) {
    int32_t bits;
    std::memcpy(&bits, p, sizeof bits);
    return {(__m512bh)_mm512_set1_epi32(bits)};
  }
};
LMSPT_INLINE Vec multiply_add(Pair a, Pairs b, Vec sum) { return {_mm512_dpbf16_ps(sum.v, a.v, b.v)}; }

#else

constexpr const char* kDescription = "bf16 products in float32 arithmetic (this variant has no bf16 instructions)";
using Staged = float;

struct Pairs {
  Vec odd, even;
  static LMSPT_INLINE Pairs load(const uint32_t* p) {
#if defined(__AVX512F__)
    const __m512i bits = _mm512_loadu_si512(p);
    return {{_mm512_castsi512_ps(_mm512_and_si512(bits, _mm512_set1_epi32(-0x10000)))},
            {_mm512_castsi512_ps(_mm512_slli_epi32(bits, 16))}};
#elif defined(__AVX2__)
    Pairs result;
    for (int half = 0; half < 2; ++half) {
      const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p) + half);
      result.odd.v[half] = _mm256_castsi256_ps(_mm256_and_si256(bits, _mm256_set1_epi32(-0x10000)));
      result.even.v[half] = _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
    }
    return result;
#else
    alignas(64) uint32_t odd[kLanes], even[kLanes];
    for (int i = 0; i < kLanes; ++i) {
      odd[i] = p[i] & 0xffff0000;
      even[i] = p[i] << 16;
    }
    Pairs result;
    std::memcpy(&result.odd, odd, sizeof odd);
    std::memcpy(&result.even, even, sizeof even);
    return result;
#endif
  }
};
struct Pair {
  const Staged* p;
  static LMSPT_INLINE Pair load(const Staged* p) { return {p}; }
};
LMSPT_INLINE Vec multiply_add(Pair a, Pairs b, Vec sum) {
  return fma(broadcast(a.p[0]), b.even, fma(broadcast(a.p[1]), b.odd, sum));
}

#endif

// Rows that fit in the registers beside so many panels.
#if defined(__AVX512F__)
constexpr int kPanels = 4;
constexpr int kRows[kPanels + 1] = {0, 12, 12, 8, 6};
#elif defined(__AVX2__)
constexpr int kPanels = 1;
constexpr int kRows[kPanels + 1] = {0, 4};
#else
constexpr int kPanels = 1;
constexpr int kRows[kPanels + 1] = {0, 2};
#endif

template <int ROWS, int PANELS>
LMSPT_INLINE void block_products(const Staged* a, int64_t row_stride, const uint32_t* const (&b)[PANELS], int64_t pairs,
                                 Vec (&sums)[ROWS][PANELS]) {
  // Every third row has a pointer of its own; the two after it are within reach of the addressing modes.
  constexpr int kPointers = (ROWS + 2) / 3;
  const Staged* row[kPointers];
#pragma GCC unroll 8
  for (int i = 0; i < kPointers; ++i) row[i] = a + 3 * i * row_stride;
  for (int64_t pair = 0; pair < pairs; ++pair) {
    Pairs columns[PANELS];
#pragma GCC unroll 8
    for (int p = 0; p < PANELS; ++p) columns[p] = Pairs::load(b[p] + pair * kPanelWidth);
#pragma GCC unroll 32
    for (int m = 0; m < ROWS; ++m) {
      const Pair value = Pair::load(row[m / 3] + m % 3 * row_stride + 2 * pair);
#pragma GCC unroll 8
      for (int p = 0; p < PANELS; ++p) sums[m][p] = multiply_add(value, columns[p], sums[m][p]);
    }
  }
}

template <int ROWS, int PANELS>
void tile_product(const Bf16Product& p, int64_t first_row, int64_t panel) {
  Vec sums[ROWS][PANELS];
#pragma GCC unroll 32
  for (int m = 0; m < ROWS; ++m) {
#pragma GCC unroll 8
    for (int i = 0; i < PANELS; ++i) sums[m][i] = broadcast(0);
  }
  const uint32_t* b[PANELS];
  for (int i = 0; i < PANELS; ++i) b[i] = p.b + (panel + i) * p.depth.pairs() * kPanelWidth;
  const Staged* a = static_cast<const Staged*>(p.a) + first_row * p.row_stride;
  for (int64_t k = 0; k < p.depth.run_length; k += kBf16Block) {
    const int64_t left = p.depth.run_length - k, pairs = (left < kBf16Block ? left : kBf16Block) / 2;
    for (int64_t run = 0; run < p.depth.runs; ++run) {
      block_products<ROWS, PANELS>(a + run * p.depth.run_length + k, p.row_stride, b, pairs, sums);
      for (int i = 0; i < PANELS; ++i) b[i] += pairs * kPanelWidth;
    }
  }
#pragma GCC unroll 32
  for (int m = 0; m < ROWS; ++m) {
#pragma GCC unroll 8
    for (int i = 0; i < PANELS; ++i) finish_bf16<Staged>(p, first_row + m, panel + i, sums[m][i]);
  }
}

// The last rows, fewer than a full tile, in one call as well.
template <int ROWS, int PANELS>
void last_rows(const Bf16Product& p, int64_t first_row, int64_t panel) {
  if constexpr (ROWS > 0) {
    if (p.rows - first_row == ROWS) return tile_product<ROWS, PANELS>(p, first_row, panel);
    last_rows<ROWS - 1, PANELS>(p, first_row, panel);
  }
}

template <int PANELS>
void panel_products(const Bf16Product& p, int64_t panel, int64_t panels) {
  if constexpr (PANELS > 0) {
    if (panels != PANELS) return panel_products<PANELS - 1>(p, panel, panels);
    constexpr int kStep = kRows[PANELS];
    int64_t row = 0;
    for (; row + kStep <= p.rows; row += kStep) tile_product<kStep, PANELS>(p, row, panel);
    last_rows<kStep - 1, PANELS>(p, row, panel);
  }
}

void multiply(const Bf16Product& p) {
  for (int64_t panel = p.first_panel; panel < p.last_panel;) {
    const int64_t left = p.last_panel - panel;
    const int64_t panels = kPanels == 1 || left < 2 ? 1 : left % 3 == 0 ? 3 : left % 3 == 1 ? 4 : 2;
    panel_products<kPanels>(p, panel, panels);
    panel += panels;
  }
}

}  // namespace

const Bf16Unit& bf16_unit() {
  static constexpr Bf16Unit unit{kDescription, nullptr, sizeof(Staged), 1, 24, stage_rows<Staged>, multiply};
  return unit;
}

}  // namespace lmspt::LMSPT_ISA

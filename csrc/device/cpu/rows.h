// Walks over one row of floats in vectors, its last part included, and sums over it: in single precision for a short
// run, in double beyond. The order depends on the row's length alone. Include only from *_cpu.cc files.
#pragma once

#include <math.h>

#include "device/cpu/math.h"

namespace lmspt::LMSPT_ISA {

constexpr int64_t kFloatRun = 64;  // vectors added in single precision before they enter the double sum

// The vector at p, of which `left` floats remain; lanes beyond are `fill`.
LMSPT_INLINE Vec load_left(const float* p, int64_t left, float fill = 0) {
  return left >= kLanes ? Vec::load(p) : load_part(p, static_cast<int>(left), fill);
}

LMSPT_INLINE void store_left(Vec value, float* p, int64_t left) {
  if (left >= kLanes) {
    value.store(p);
  } else {
    store_part(value, p, static_cast<int>(left));
  }
}

// The sum of part(i, left) over i = 0, 16, ... < size; lanes beyond the row must be zero.
template <class Part>
LMSPT_INLINE double sum_row(int64_t size, Part part) {
  double total = 0;
  for (int64_t i = 0; i < size;) {
    Vec run = broadcast(0);
    for (int64_t n = 0; n < kFloatRun && i < size; ++n, i += kLanes) run = run + part(i, size - i);
    total += sum(run);
  }
  return total;
}

LMSPT_INLINE double dot_row(const float* a, const float* b, int64_t size) {
  return sum_row(size, [=](int64_t i, int64_t left) { return load_left(a + i, left) * load_left(b + i, left); });
}

LMSPT_INLINE float max_row(const float* x, int64_t size) {
  Vec best = broadcast(-INFINITY);
  for (int64_t i = 0; i < size; i += kLanes) best = max(best, load_left(x + i, size - i, -INFINITY));
  return max_lane(best);
}

// exp(x) for x <= 0, exactly zero where it would not be a normal number.
LMSPT_INLINE Vec exp_falling(Vec x) { return select_less(x, broadcast(-87.f), broadcast(0), exp(x)); }

}  // namespace lmspt::LMSPT_ISA

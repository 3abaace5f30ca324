// The largest value of a row and the sum of exp(value - largest), in one pass. As on the CPU the sum is NaN where a
// value is NaN or plus infinity, and where all are minus infinity.
#pragma once

#include "device/cuda/groups.h"
#include "device/cuda/math.h"

namespace lmspt::cuda {

struct ExponentialSum {
  float top;
  double total;

  // What values are taken relative to: before any is above minus infinity, exp(value - 0) = 0.
  __device__ float center() const { return top == -INFINITY ? 0.f : top; }

  // The total where values are taken relative to `center`.
  __device__ double relative_to(float center) const { return top == -INFINITY ? total : total * expf(top - center); }
};

constexpr int kExponentialPiece = 8;  // values of a thread between two looks at the largest

template <class Group>
__device__ inline ExponentialSum sum_exponentials(const float* x, int64_t size) {
  ExponentialSum sum{-INFINITY, 0};
  for (int64_t first = Group::rank(); first < size; first += kExponentialPiece * Group::size()) {
    float values[kExponentialPiece];
    float top = sum.top;
    for (int n = 0; n < kExponentialPiece; ++n) {
      const int64_t i = first + n * Group::size();
      values[n] = i < size ? x[i] : -INFINITY;
      top = fmaxf(top, values[n]);
    }
    const float center = ExponentialSum{top, 0}.center();
    float run = 0;
    for (int n = 0; n < kExponentialPiece; ++n) run += exp_falling(values[n] - center);
    sum = {top, sum.relative_to(center) + run};
  }
  const ExponentialSum all{Group::reduce(sum.top, LargerOf()), 0};
  const double total = Group::reduce(sum.relative_to(all.center()), Add());
  return {all.top, all.top == -INFINITY ? NAN : total};
}

}  // namespace lmspt::cuda

// Sums to their places in C, with bias, residual, LeakyReLU, Snake and, for kernels that ask for it, GELU.
#pragma once

#include "device/cuda/math.h"
#include "gemm/cuda/tile_item.h"

namespace lmspt::cuda {

template <bool kHalves, bool kGelu>
class RowOfC {
 public:
  __device__ RowOfC(const Product& p, const TileItem& item, int m) : p_(p), limit_(item.limit) {
    const Parts outer = divide(m, p.a.positions), at = divide(outer.rest, p.a.positions_w);
    place_ = at.quotient * p.c.h + at.rest * p.c.w + p.c.origin;
    base_ = item.c + outer.quotient * p.c.outer;
  }

  // Columns n to n + kCount - 1, as many as there are.
  template <int kCount>
  __device__ void put(const float* bias, int n, bool vectors, const float* sums) const {
    if (n >= p_.columns) return;
    if constexpr (kCount > 1) {
      if (vectors) return put_vector<kCount>(bias, n, sums);
    }
    for (int i = 0; i < kCount && n + i < p_.columns; ++i) put_vector<1>(bias, n + i, sums + i);
  }

 private:
  template <int kCount>
  __device__ void put_vector(const float* bias, int n, const float* sums) const {
    const Parts column = divide(n, p_.c.span);
    const int64_t place = place_ + column.quotient * p_.c.span_step + column.rest;
    if (static_cast<uint64_t>(place) >= static_cast<uint64_t>(limit_)) return;
    float values[kCount];
    for (int i = 0; i < kCount; ++i) values[i] = bias ? sums[i] + bias[column.rest + i] : sums[i];
    if constexpr (kGelu) apply_gelu<kCount>(base_ + place, values);
    if (p_.c.residual) {
      float more[kCount];
      p_.c.residual.load<kCount, kHalves>(base_ + place, more);
      for (int i = 0; i < kCount; ++i) values[i] += more[i];
    }
    if (p_.c.slope != 1.f) apply_slope<kCount>(base_ + place, values);
    if (p_.c.alpha) {
      if (p_.c.activated) p_.c.c.store<kCount, kHalves>(base_ + place, values);
      float alpha[kCount];
      Numbers(p_.c.alpha).load<kCount, false>(column.rest, alpha);
      for (int i = 0; i < kCount; ++i) values[i] = snake(values[i], alpha[i], snake_inverse(alpha[i]));
      if (p_.c.activated) return p_.c.activated.store<kCount, kHalves>(base_ + place, values);
    }
    p_.c.c.store<kCount, kHalves>(base_ + place, values);
  }

  template <int kCount>
  __device__ void apply_gelu(int64_t at, float (&values)[kCount]) const {
    if (p_.c.gelu) {
      if (p_.c.before_gelu) p_.c.before_gelu.store<kCount, kHalves>(at, values);
      for (int i = 0; i < kCount; ++i) values[i] = gelu(values[i]);
    }
    if (p_.c.gelu_input) {
      float inputs[kCount];
      p_.c.gelu_input.load<kCount, kHalves>(at, inputs);
      for (int i = 0; i < kCount; ++i) values[i] = gelu_grad(inputs[i], values[i]);
    }
  }

  template <int kCount>
  __device__ void apply_slope(int64_t at, float (&values)[kCount]) const {
    float signs[kCount];
    for (int i = 0; i < kCount; ++i) signs[i] = values[i];
    if (p_.c.signs) p_.c.signs.load<kCount, kHalves>(at, signs);
    for (int i = 0; i < kCount; ++i) values[i] = signs[i] < 0.f ? values[i] * p_.c.slope : values[i];
  }

  const Product& p_;
  int64_t limit_, base_, place_;
};

}  // namespace lmspt::cuda

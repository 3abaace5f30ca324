// Division by a number that is known when a kernel is launched, as a multiplication and a shift (Granlund and
// Montgomery 1994), for dividends below 2^31.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace lmspt::cuda {

class Divisor {
 public:
  Divisor() = default;
  explicit Divisor(int64_t divisor) : divisor_(divisor > 1 ? static_cast<uint32_t>(divisor) : 1) {
    while ((uint64_t{1} << shift_) < divisor_) ++shift_;
    magic_ = static_cast<uint32_t>((uint64_t{1} << 32) * ((uint64_t{1} << shift_) - divisor_) / divisor_ + 1);
  }

  __host__ __device__ int value() const { return static_cast<int>(divisor_); }

  __device__ int quotient(int dividend) const {
    const uint32_t n = static_cast<uint32_t>(dividend);
    const uint32_t high = static_cast<uint32_t>(static_cast<uint64_t>(magic_) * n >> 32);
    return static_cast<int>((high + n) >> shift_);
  }

 private:
  uint32_t divisor_ = 1, magic_ = 1, shift_ = 0;
};

constexpr int64_t kBeyondAll = int64_t{1} << 30;  // a divisor that leaves every position as the rest

// What a division gives.
struct Parts {
  int quotient, rest;
};

__device__ inline Parts divide(int dividend, const Divisor& divisor) {
  const int quotient = divisor.quotient(dividend);
  return {quotient, dividend - quotient * divisor.value()};
}

}  // namespace lmspt::cuda

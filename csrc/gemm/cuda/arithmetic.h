// What a word of an operand holds in each precision. A split product has two planes of operands: hi and lo parts. Where
// kHalves says so, tensors may be stored as bf16 numbers.
#pragma once

#include "device/cuda/instructions.h"

namespace lmspt::cuda {

struct Float32 {
  static constexpr int kFloats = 1, kPlanes = 1;
  static constexpr bool kHalves = false;
  static __device__ uint32_t word(const float* values, int) { return __float_as_uint(values[0]); }
};

struct Tf32 {
  static constexpr int kFloats = 1, kPlanes = 1;
  static constexpr bool kHalves = false;
  static __device__ uint32_t word(const float* values, int) { return to_tf32(values[0]); }
};

struct Bf16 {
  static constexpr int kFloats = 2, kPlanes = 1;
  static constexpr bool kHalves = true;
  static __device__ uint32_t word(const float* values, int) { return pack_bf16(values[0], values[1]); }
};

struct Bf16x3 {
  static constexpr int kFloats = 2, kPlanes = 2;
  static constexpr bool kHalves = false;
  static __device__ uint32_t word(const float* values, int plane) {
    const uint32_t high = pack_bf16(values[0], values[1]);
    if (plane == 0) return high;
    return pack_bf16(rest(values[0] - low_of_bf16(high)), rest(values[1] - high_of_bf16(high)));
  }

 private:
  static __device__ float rest(float value) { return value == value ? value : 0.f; }  // none of infinities
};

}  // namespace lmspt::cuda

// The functions of csrc/device/cuda/instructions.h on the host. Registers go in and out by value, so that the arrays
// that kernels hold them in need no address and are not watched as memory.
#pragma once

#include <bit>
#include <cstdint>

#include "cuda_bf16.h"

namespace lmspt::emulation {

struct Four {
  float v[4];
};
struct FourWords {
  uint32_t v[4];
};

Four warp_multiply_tf32(float d0, float d1, float d2, float d3, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3,
                        uint32_t b0, uint32_t b1);
Four warp_multiply_bf16(float d0, float d1, float d2, float d3, uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3,
                        uint32_t b0, uint32_t b1);
FourWords warp_load_matrices(int count, bool transposed, const void* row);
void copy_async(void* target, const void* source, int bytes, int count);
void copy_async_commit();
void copy_async_wait(int pending);

inline uint32_t to_tf32(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7f800000u) == 0x7f800000u) return value != value ? 0x7fffffffu : bits;
  return (bits + 0x1000u) & 0xffffe000u;
}

inline uint32_t pack_bf16(float low, float high) {
  return static_cast<uint32_t>(__float2bfloat16_rn(low).bits) | static_cast<uint32_t>(__float2bfloat16_rn(high).bits)
                                                                    << 16;
}

inline void multiply_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  const Four sum = warp_multiply_tf32(d[0], d[1], d[2], d[3], a[0], a[1], a[2], a[3], b[0], b[1]);
  d[0] = sum.v[0], d[1] = sum.v[1], d[2] = sum.v[2], d[3] = sum.v[3];
}

inline void multiply_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  const Four sum = warp_multiply_bf16(d[0], d[1], d[2], d[3], a[0], a[1], a[2], a[3], b[0], b[1]);
  d[0] = sum.v[0], d[1] = sum.v[1], d[2] = sum.v[2], d[3] = sum.v[3];
}

template <int size>
inline void load_matrices(uint32_t (&r)[size], int count, bool transposed, const void* row) {
  const FourWords words = warp_load_matrices(count, transposed, row);
  for (int i = 0; i < size; ++i) r[i] = words.v[i];
}

}  // namespace lmspt::emulation

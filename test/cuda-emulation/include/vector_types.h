// The vector types of CUDA, with its alignments.
#pragma once

#include <cstdint>

#define LMSPT_VECTORS(name, scalar, align2, align4)                                 \
  struct name##1 { scalar x; };                                                     \
  struct alignas(align2) name##2 { scalar x, y; };                                  \
  struct name##3 { scalar x, y, z; };                                               \
  struct alignas(align4) name##4 { scalar x, y, z, w; };                            \
  inline name##1 make_##name##1(scalar x) { return {x}; }                           \
  inline name##2 make_##name##2(scalar x, scalar y) { return {x, y}; }              \
  inline name##3 make_##name##3(scalar x, scalar y, scalar z) { return {x, y, z}; } \
  inline name##4 make_##name##4(scalar x, scalar y, scalar z, scalar w) { return {x, y, z, w}; }

LMSPT_VECTORS(char, signed char, 2, 4)
LMSPT_VECTORS(uchar, unsigned char, 2, 4)
LMSPT_VECTORS(short, short, 4, 8)
LMSPT_VECTORS(ushort, unsigned short, 4, 8)
LMSPT_VECTORS(int, int, 8, 16)
LMSPT_VECTORS(uint, unsigned, 8, 16)
LMSPT_VECTORS(float, float, 8, 16)
LMSPT_VECTORS(longlong, long long, 16, 16)
LMSPT_VECTORS(ulonglong, unsigned long long, 16, 16)
LMSPT_VECTORS(double, double, 16, 16)
#undef LMSPT_VECTORS

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

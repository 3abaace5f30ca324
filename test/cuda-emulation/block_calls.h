// What kernels call of the running block: their place in it, barriers, exchanges within a warp, atomics.
#pragma once

#include <cstdint>
#include <cstring>

namespace lmspt::emulation {

// The same for the whole life of a thread, hence `const`: the compiler need not ask twice.
#define LMSPT_PLACE(name) unsigned name() noexcept __attribute__((const));
LMSPT_PLACE(thread_x)
LMSPT_PLACE(thread_y)
LMSPT_PLACE(thread_z)
LMSPT_PLACE(block_x)
LMSPT_PLACE(block_y)
LMSPT_PLACE(block_z)
#undef LMSPT_PLACE

// Where in the sources a thread stands; threads that meet must stand at the same place.
struct Place {
  const char* file;
  int line;
};

void* dynamic_shared() noexcept;
void block_barrier(Place place);
int block_vote(Place place, bool value, int kind);  // 0: count, 1: and, 2: or
void warp_barrier(Place place, unsigned mask);
unsigned warp_ballot(Place place, unsigned mask, bool value);
// The value of lane `from` of those in the mask.
uint64_t warp_shuffle(Place place, unsigned mask, uint64_t value, unsigned from);
unsigned lane() noexcept __attribute__((const));

template <class T>
inline T shuffle(Place place, unsigned mask, T value, unsigned from) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  uint64_t bits = 0;
  __builtin_memcpy(&bits, &value, sizeof value);
  bits = warp_shuffle(place, mask, bits, from);
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace lmspt::emulation

#define LMSPT_CALLER const char *file = __builtin_FILE(), int line = __builtin_LINE()

// ---- barriers and votes ----
inline void __syncthreads(LMSPT_CALLER) { lmspt::emulation::block_barrier({file, line}); }
inline int __syncthreads_count(int value, LMSPT_CALLER) {
  return lmspt::emulation::block_vote({file, line}, value != 0, 0);
}
inline int __syncthreads_and(int value, LMSPT_CALLER) {
  return lmspt::emulation::block_vote({file, line}, value != 0, 1);
}
inline int __syncthreads_or(int value, LMSPT_CALLER) {
  return lmspt::emulation::block_vote({file, line}, value != 0, 2);
}
inline void __syncwarp(unsigned mask = 0xffffffffu, LMSPT_CALLER) {
  lmspt::emulation::warp_barrier({file, line}, mask);
}
inline unsigned __ballot_sync(unsigned mask, int value, LMSPT_CALLER) {
  return lmspt::emulation::warp_ballot({file, line}, mask, value != 0);
}
inline int __any_sync(unsigned mask, int value, LMSPT_CALLER) {
  return lmspt::emulation::warp_ballot({file, line}, mask, value != 0) != 0;
}
inline int __all_sync(unsigned mask, int value, LMSPT_CALLER) {
  return lmspt::emulation::warp_ballot({file, line}, mask, value != 0) == mask;
}

// ---- exchanges within a warp; `width` lanes form a group ----
template <class T>
inline T __shfl_sync(unsigned mask, T value, int from, int width = 32, LMSPT_CALLER) {
  const unsigned lane = lmspt::emulation::lane(), group = lane & ~static_cast<unsigned>(width - 1);
  return lmspt::emulation::shuffle({file, line}, mask, value, group | (from & (width - 1)));
}
template <class T>
inline T __shfl_xor_sync(unsigned mask, T value, int distance, int width = 32, LMSPT_CALLER) {
  const unsigned lane = lmspt::emulation::lane(), from = lane ^ static_cast<unsigned>(distance);
  // As on the GPU, a lane beyond the end of the group is not read; one of an earlier group is.
  const unsigned last = lane | static_cast<unsigned>(width - 1);
  return lmspt::emulation::shuffle({file, line}, mask, value, from > last ? lane : from);
}
template <class T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32, LMSPT_CALLER) {
  const unsigned lane = lmspt::emulation::lane(), last = lane | static_cast<unsigned>(width - 1);
  return lmspt::emulation::shuffle({file, line}, mask, value, lane + distance > last ? lane : lane + distance);
}
template <class T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32, LMSPT_CALLER) {
  const unsigned lane = lmspt::emulation::lane(), first = lane & ~static_cast<unsigned>(width - 1);
  return lmspt::emulation::shuffle({file, line}, mask, value, lane < first + distance ? lane : lane - distance);
}
#undef LMSPT_CALLER

// ---- atomics: the old value ----
int atomicAdd(int* address, int value);
unsigned atomicAdd(unsigned* address, unsigned value);
unsigned long long atomicAdd(unsigned long long* address, unsigned long long value);
float atomicAdd(float* address, float value);
double atomicAdd(double* address, double value);
int atomicMax(int* address, int value);
unsigned atomicMax(unsigned* address, unsigned value);
unsigned long long atomicMax(unsigned long long* address, unsigned long long value);
int atomicMin(int* address, int value);
unsigned atomicMin(unsigned* address, unsigned value);
unsigned long long atomicMin(unsigned long long* address, unsigned long long value);
unsigned atomicOr(unsigned* address, unsigned value);
unsigned atomicAnd(unsigned* address, unsigned value);
int atomicExch(int* address, int value);
unsigned atomicExch(unsigned* address, unsigned value);
int atomicCAS(int* address, int expected, int value);
unsigned atomicCAS(unsigned* address, unsigned expected, unsigned value);
unsigned long long atomicCAS(unsigned long long* address, unsigned long long expected, unsigned long long value);

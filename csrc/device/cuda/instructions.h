// Instructions of the GPU that CUDA C++ has no words for: tensor cores, their loads, asynchronous copies. Kernels reach
// them through this file alone, and those of compute capability 9.0 through instructions_sm90.h. On the device they are
// PTX (sm_80 and newer); the emulation in test/cuda-emulation defines the same functions, with the same places of
// elements in registers.
//
// Products and loads of matrices belong to a warp: its 32 lanes call them together, with the same template arguments.
// Of a lane below, group = lane / 4 and place = lane % 4. Two bf16 numbers share a register, the one of lower index in
// its lower half.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

#if defined(LMSPT_CUDA_EMULATED)
#include "cuda-emulation/instructions_emulated.h"
#endif

namespace lmspt::cuda {

// The thread's number in its block, read at this place: what follows from threadIdx is kept in registers for all loops.
__device__ inline int thread_now() {
#if defined(LMSPT_CUDA_EMULATED)
  return static_cast<int>(threadIdx.x);
#else
  int thread;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread));
  return thread;
#endif
}

// ---- numbers ----

// A float as the operand of a tf32 product: rounded to 10 bits of fraction, halves away from zero.
__device__ inline uint32_t to_tf32(float value) {
#if defined(LMSPT_CUDA_EMULATED)
  return emulation::to_tf32(value);
#else
  uint32_t result;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(result) : "f"(value));
  return result;
#endif
}

// Two floats as bf16 numbers in one register, rounded to nearest, halves to even.
__device__ inline uint32_t pack_bf16(float low, float high) {
#if defined(LMSPT_CUDA_EMULATED)
  return emulation::pack_bf16(low, high);
#else
  uint32_t result;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
  return result;
#endif
}

// 2^x, off by some 1e-7 of it; zero where it would be subnormal.
__device__ inline float exp2_near(float x) {
#if defined(LMSPT_CUDA_EMULATED)
  return exp2f(x);
#else
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
#endif
}

// 1 / x, off by some 1e-7 of it; zero where it would be subnormal.
__device__ inline float reciprocal_near(float x) {
#if defined(LMSPT_CUDA_EMULATED)
  return 1.f / x;
#else
  float result;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
#endif
}

// sin(x), off by some 1e-6, and by some 1e-7 of x beyond pi; of no accuracy that is promised beyond 100 pi.
__device__ inline float sine_near(float x) {
#if defined(LMSPT_CUDA_EMULATED)
  return sinf(x);
#else
  float result;
  asm("sin.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
#endif
}

// The floats of which a register holds the bf16 forms.
__device__ inline float low_of_bf16(uint32_t pair) { return __uint_as_float(pair << 16); }
__device__ inline float high_of_bf16(uint32_t pair) { return __uint_as_float(pair & 0xffff0000u); }

// ---- stores ----

// Neighbouring words to memory by one instruction; `target` is aligned to all of them. Of plain C++ stores of vectors
// nvcc makes single words inside of large kernels.
__device__ inline void store_words(void* target, uint32_t a, uint32_t b) {
#if defined(LMSPT_CUDA_EMULATED)
  *static_cast<uint2*>(target) = make_uint2(a, b);
#else
  asm volatile("st.v2.b32 [%0], {%1, %2};" ::"l"(target), "r"(a), "r"(b) : "memory");
#endif
}

__device__ inline void store_words(void* target, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
#if defined(LMSPT_CUDA_EMULATED)
  *static_cast<uint4*>(target) = make_uint4(a, b, c, d);
#else
  asm volatile("st.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(target), "r"(a), "r"(b), "r"(c), "r"(d) : "memory");
#endif
}

// ---- products: d (16 x 8) += a (16 x K) b (K x 8) ----
//
// d[0], d[1]: row group,     columns 2 place, 2 place + 1
// d[2], d[3]: row group + 8, the same columns

// K = 8 of tf32; the low 13 bits of the operands do not count.
// a[0]: (group, place)   a[1]: (group + 8, place)   a[2]: (group, place + 4)   a[3]: (group + 8, place + 4)
// b[0]: (place, group)   b[1]: (place + 4, group)
__device__ inline void multiply_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::multiply_tf32(d, a, b);
#else
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// K = 16 of bf16, two neighbours along K in each register.
// a[0]: (group, 2 place)   a[1]: (group + 8, 2 place)   a[2]: (group, 2 place + 8)   a[3]: (group + 8, 2 place + 8)
// b[0]: (2 place, group)   b[1]: (2 place + 8, group)
__device__ inline void multiply_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::multiply_bf16(d, a, b);
#else
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// ---- loads of matrices of 8 x 8 two-byte elements from shared memory ----
//
// The lanes 8 m to 8 m + 7 give the addresses of the rows of matrix m: 16 bytes each, aligned to 16. Those of other
// lanes do not count. r[m] then holds, of matrix m, the elements (group, 2 place) and (group, 2 place + 1); with
// transposed = true, (2 place, group) and (2 place + 1, group).
// Rows that other lanes wrote need a __syncwarp or __syncthreads in between.

#if !defined(LMSPT_CUDA_EMULATED)
__device__ inline uint32_t shared_address(const void* pointer) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
}
#endif

template <bool transposed = false>
__device__ inline void load_matrix(uint32_t (&r)[1], const void* row) {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::load_matrices(r, 1, transposed, row);
#else
  if constexpr (transposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];"
                 : "=r"(r[0])
                 : "r"(shared_address(row))
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];"
                 : "=r"(r[0])
                 : "r"(shared_address(row))
                 : "memory");
  }
#endif
}

template <bool transposed = false>
__device__ inline void load_matrix(uint32_t (&r)[2], const void* row) {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::load_matrices(r, 2, transposed, row);
#else
  if constexpr (transposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(shared_address(row))
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(shared_address(row))
                 : "memory");
  }
#endif
}

template <bool transposed = false>
__device__ inline void load_matrix(uint32_t (&r)[4], const void* row) {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::load_matrices(r, 4, transposed, row);
#else
  if constexpr (transposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(row))
                 : "memory");
  }
#endif
}

// ---- asynchronous copies from device memory to shared memory, each for the calling thread alone ----
//
// What was copied is there for the thread after copy_async_wait, and for others after a barrier that follows it.

// 4, 8 or 16 bytes, both addresses aligned to as many. Only the first `count` bytes are read; zeros fill the rest.
// With count = 0 the source is not read, but must be some address of device memory.
template <int bytes>
__device__ inline void copy_async(void* target, const void* source, int count = bytes) {
  static_assert(bytes == 4 || bytes == 8 || bytes == 16);
#if defined(LMSPT_CUDA_EMULATED)
  emulation::copy_async(target, source, bytes, count);
#else
  if constexpr (bytes == 16) {  // past the first-level cache
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(target)), "l"(source), "r"(count)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(shared_address(target)), "l"(source), "n"(bytes),
                 "r"(count)
                 : "memory");
  }
#endif
}

// Makes a group of the copies since the last one.
__device__ inline void copy_async_commit() {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::copy_async_commit();
#else
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits for all groups but the newest `pending`.
template <int pending>
__device__ inline void copy_async_wait() {
#if defined(LMSPT_CUDA_EMULATED)
  emulation::copy_async_wait(pending);
#else
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#endif
}

}  // namespace lmspt::cuda

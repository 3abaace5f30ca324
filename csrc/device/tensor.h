// The vocabulary of kernels: element types, shapes and tensor views.
// Plain data without the standard library, because files compiled for one CPU variant include it.
#pragma once

#include <cstdint>

#define LMSPT_INLINE inline __attribute__((always_inline))

// For functions that CUDA kernels call too.
#ifdef __CUDACC__
#define LMSPT_INLINE_ANYWHERE LMSPT_INLINE __host__ __device__
#else
#define LMSPT_INLINE_ANYWHERE LMSPT_INLINE
#endif

namespace lmspt {

// bf16 is how a plan may store values between its own kernels: graphs, inputs and outputs know f32 and i32 alone.
enum class DType : int32_t { f32 = 0, i32 = 1, bf16 = 2 };

constexpr int kMaxRank = 6;
constexpr int64_t kElementSize = 4;  // of f32 and i32, in bytes
LMSPT_INLINE int64_t element_size(DType dtype) { return dtype == DType::bf16 ? 2 : kElementSize; }

struct Shape {
  int32_t rank = 0;
  int64_t dims[kMaxRank] = {0, 0, 0, 0, 0, 0};

  LMSPT_INLINE int64_t operator[](int i) const { return dims[i < 0 ? i + rank : i]; }
  LMSPT_INLINE int64_t& operator[](int i) { return dims[i < 0 ? i + rank : i]; }

  LMSPT_INLINE int64_t count() const {
    int64_t n = 1;
    for (int i = 0; i < rank; ++i) n *= dims[i];
    return n;
  }

  LMSPT_INLINE int64_t count_from(int first) const {
    int64_t n = 1;
    for (int i = first; i < rank; ++i) n *= dims[i];
    return n;
  }

  LMSPT_INLINE int64_t count_before(int end) const {
    int64_t n = 1;
    for (int i = 0; i < end; ++i) n *= dims[i];
    return n;
  }

  LMSPT_INLINE bool operator==(const Shape& other) const {
    if (rank != other.rank) return false;
    for (int i = 0; i < rank; ++i) {
      if (dims[i] != other.dims[i]) return false;
    }
    return true;
  }
};

// A dense tensor in row-major order. It does not own its memory; `data` is null where an optional input is absent.
struct Tensor {
  void* data = nullptr;
  DType dtype = DType::f32;
  Shape shape;

  LMSPT_INLINE float* f32() const { return static_cast<float*>(data); }
  LMSPT_INLINE int32_t* i32() const { return static_cast<int32_t*>(data); }
  LMSPT_INLINE int64_t bytes() const { return shape.count() * element_size(dtype); }
  LMSPT_INLINE explicit operator bool() const { return data != nullptr; }
};

}  // namespace lmspt

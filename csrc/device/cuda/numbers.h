// Numbers in device memory: float32, or bf16 numbers of half the size. Kernels compute in float32 either way.
#pragma once

#include "device/cuda/instructions.h"
#include "device/tensor.h"

namespace lmspt::cuda {

struct Numbers {
  void* data = nullptr;
  bool halves = false;  // bf16

  Numbers() = default;
  explicit Numbers(const Tensor& tensor) : data(tensor.data), halves(tensor.dtype == DType::bf16) {}
  __host__ __device__ explicit Numbers(const float* floats) : data(const_cast<float*>(floats)) {}

  __host__ __device__ explicit operator bool() const { return data != nullptr; }
  __device__ const float* floats() const { return static_cast<const float*>(data); }  // where they are no halves

  // kCount neighbours (1, 2 or 4) from element `at` on, which lie at a multiple of their size. Without kMayBeHalves
  // they are known to be floats.
  template <int kCount, bool kMayBeHalves = true>
  __device__ void load(int64_t at, float* values) const {
    if constexpr (kMayBeHalves) {
      if (halves) return load_halves<kCount>(static_cast<const uint16_t*>(data) + at, values);
    }
    load_floats<kCount>(static_cast<const float*>(data) + at, values);
  }

  // The same where it is known which they are.
  template <int kCount, bool kAreHalves>
  __device__ void load_as(int64_t at, float* values) const {
    if constexpr (kAreHalves) {
      load_halves<kCount>(static_cast<const uint16_t*>(data) + at, values);
    } else {
      load_floats<kCount>(static_cast<const float*>(data) + at, values);
    }
  }
  template <int kCount, bool kAreHalves>
  __device__ void store_as(int64_t at, const float* values) const {
    if constexpr (kAreHalves) {
      store_halves<kCount>(static_cast<uint16_t*>(data) + at, values);
    } else {
      store_floats<kCount>(static_cast<float*>(data) + at, values);
    }
  }

  template <int kCount, bool kMayBeHalves = true>
  __device__ void store(int64_t at, const float* values) const {
    if constexpr (kMayBeHalves) {
      if (halves) return store_halves<kCount>(static_cast<uint16_t*>(data) + at, values);
    }
    store_floats<kCount>(static_cast<float*>(data) + at, values);
  }

 private:
  template <int kCount>
  static __device__ void load_floats(const float* source, float* values) {
    if constexpr (kCount == 4) {
      const float4 four = *reinterpret_cast<const float4*>(source);
      values[0] = four.x, values[1] = four.y, values[2] = four.z, values[3] = four.w;
    } else if constexpr (kCount == 2) {
      const float2 two = *reinterpret_cast<const float2*>(source);
      values[0] = two.x, values[1] = two.y;
    } else {
      values[0] = *source;
    }
  }

  template <int kCount>
  static __device__ void load_halves(const uint16_t* source, float* values) {
    if constexpr (kCount == 4) {
      const uint2 pairs = *reinterpret_cast<const uint2*>(source);
      values[0] = low_of_bf16(pairs.x), values[1] = high_of_bf16(pairs.x);
      values[2] = low_of_bf16(pairs.y), values[3] = high_of_bf16(pairs.y);
    } else if constexpr (kCount == 2) {
      const uint32_t pair = *reinterpret_cast<const uint32_t*>(source);
      values[0] = low_of_bf16(pair), values[1] = high_of_bf16(pair);
    } else {
      values[0] = low_of_bf16(*source);
    }
  }

  template <int kCount>
  static __device__ void store_floats(float* target, const float* values) {
    if constexpr (kCount == 4) {
      store_words(target, __float_as_uint(values[0]), __float_as_uint(values[1]), __float_as_uint(values[2]),
                  __float_as_uint(values[3]));
    } else if constexpr (kCount == 2) {
      store_words(target, __float_as_uint(values[0]), __float_as_uint(values[1]));
    } else {
      *target = values[0];
    }
  }

  template <int kCount>
  static __device__ void store_halves(uint16_t* target, const float* values) {
    if constexpr (kCount == 4) {
      store_words(target, pack_bf16(values[0], values[1]), pack_bf16(values[2], values[3]));
    } else if constexpr (kCount == 2) {
      *reinterpret_cast<uint32_t*>(target) = pack_bf16(values[0], values[1]);
    } else {
      *target = static_cast<uint16_t>(pack_bf16(values[0], 0.f));
    }
  }
};

// Whether fours of them may be read or written at once.
inline bool are_in_fours(const Numbers& numbers) {
  return reinterpret_cast<uintptr_t>(numbers.data) % (numbers.halves ? 8 : 16) == 0;
}

}  // namespace lmspt::cuda

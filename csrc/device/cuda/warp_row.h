// A row of numbers in the registers of a warp, for kernels that need a row several times and read it once.
#pragma once

#include <type_traits>

#include "device/cuda/groups.h"
#include "device/cuda/numbers.h"

namespace lmspt::cuda {

constexpr int64_t kLongestWarpRow = 2048;
constexpr int kWarpRowThreads = 64;  // of a block: small ones leave few registers unused
constexpr int kWarpRowBlocks = 4;    // that a multiprocessor holds at least

// Whether a warp holds rows of this length: in fours, which begin at multiples of their size as tensors do.
inline bool fits_warp(int64_t size) { return size % 4 == 0 && size <= kLongestWarpRow; }

// A lane has every 32nd four of the row, and zeros beyond the row's end.
template <int kFours>
struct WarpRow {
  static_assert(4 * kFours <= kFloatRun, "a lane adds its values in single precision");
  float values[4 * kFours];

  __device__ float operator()(int i) const { return values[i]; }

  // Where in the row values[i] would lie, the first of a four.
  static __device__ int place(int i) { return i * kWarp + WarpGroup::rank() * 4; }

  // each(i, at) for the lane's fours within the row: values[i] and the three behind it are the row's from `at` on.
  template <class Each>
  static __device__ void for_fours(int size, const Each& each) {
#pragma unroll
    for (int i = 0; i < 4 * kFours; i += 4) {
      if (place(i) < size) each(i, place(i));
    }
  }

  // each(i, number) for the lane's numbers of the row that begins at `start`. What they are is asked once, so that no
  // load waits for the one before.
  template <class Each>
  static __device__ void read(const Numbers& source, int64_t start, int size, const Each& each) {
    if (source.halves) {
      read_fours<uint2>(static_cast<const uint16_t*>(source.data) + start, size, each);
    } else {
      read_fours<float4>(source.floats() + start, size, each);
    }
  }

  __device__ void load(const Numbers& source, int64_t start, int size) {
    read(source, start, size, [&](int i, float number) { values[i] = number; });
  }

  __device__ void add(const Numbers& source, int64_t start, int size) {
    read(source, start, size, [&](int i, float number) { values[i] += number; });
  }

  // values[i] = change(i)
  template <class Change>
  __device__ void change(const Change& change) {
#pragma unroll
    for (int i = 0; i < 4 * kFours; ++i) values[i] = change(i);
  }

  __device__ void store(const Numbers& target, int64_t start, int size) const {
    for_fours(size, [&](int i, int at) { target.store<4>(start + at, values + i); });
  }

  // The sum of part(i) over the row, in every lane.
  template <class Part>
  static __device__ double sum(int size, const Part& part) {
    float run = 0;
#pragma unroll
    for (int i = 0; i < 4 * kFours; i += 4) {
      const float four = (part(i) + part(i + 1)) + (part(i + 2) + part(i + 3));
      run += place(i) < size ? four : 0.f;
    }
    return reduce_warp(static_cast<double>(run), Add());
  }

 private:
  static __device__ void unpack(const float4& four, float* values) {
    values[0] = four.x, values[1] = four.y, values[2] = four.z, values[3] = four.w;
  }

  static __device__ void unpack(const uint2& pairs, float* values) {
    values[0] = low_of_bf16(pairs.x), values[1] = high_of_bf16(pairs.x);
    values[2] = low_of_bf16(pairs.y), values[3] = high_of_bf16(pairs.y);
  }

  template <class Four, class Number, class Each>
  static __device__ void read_fours(const Number* row, int size, const Each& each) {
    Four fours[kFours];
#pragma unroll
    for (int n = 0; n < kFours; ++n) {
      fours[n] = place(4 * n) < size ? *reinterpret_cast<const Four*>(row + place(4 * n)) : Four();
    }
#pragma unroll
    for (int n = 0; n < kFours; ++n) {
      float four[4];
      unpack(fours[n], four);
      for (int i = 0; i < 4; ++i) each(4 * n + i, four[i]);
    }
  }
};

// Calls run(fours) with the number of fours of a lane, a constant of the compiler.
template <class Run>
void with_fours(int64_t size, const Run& run) {
  if (size <= 8 * 4 * kWarp) {
    run(std::integral_constant<int, 8>());
  } else if (size <= 12 * 4 * kWarp) {
    run(std::integral_constant<int, 12>());
  } else {
    run(std::integral_constant<int, 16>());
  }
}

template <class... Parameters, class... Arguments>
void launch_warp_rows(const KernelContext& context, void (*kernel)(Parameters...), int64_t rows,
                      const Arguments&... arguments) {
  constexpr int64_t kRows = kWarpRowThreads / kWarp;
  launch_blocks(context, kernel, (rows + kRows - 1) / kRows, kWarpRowThreads, arguments...);
}

}  // namespace lmspt::cuda

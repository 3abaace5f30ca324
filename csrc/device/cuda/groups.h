// Threads that share a row: a warp where rows are short, a whole block where they are long. Which of the two, and with
// it every order of summation, follows from the row's length alone.
// A kernel of rows is a template over the group:
//   for (int64_t row = Group::first_row(); row < rows; row += Group::row_step())
//     for (int64_t i = Group::rank(); i < size; i += Group::size()) ...
#pragma once

#include "device/cuda/launch.h"

namespace lmspt::cuda {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffu;
constexpr int64_t kLongRow = 1024;  // the longest that a warp takes
constexpr int kFloatRun = 64;       // values of a thread added in single precision before they enter the double sum

__device__ inline float exchange(float value, int distance) { return __shfl_xor_sync(kAllLanes, value, distance); }
__device__ inline double exchange(double value, int distance) { return __shfl_xor_sync(kAllLanes, value, distance); }
__device__ inline int exchange(int value, int distance) { return __shfl_xor_sync(kAllLanes, value, distance); }

struct Add {
  template <class Value>
  __device__ Value operator()(Value a, Value b) const {
    return a + b;
  }
};

struct LargerOf {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }  // the number where the other is NaN
};

// What all lanes have together, in every lane; `join` must be commutative to the bit.
template <class Value, class Join>
__device__ inline Value reduce_warp(Value value, Join join) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) value = join(value, exchange(value, distance));
  return value;
}

struct WarpGroup {
  static __device__ int64_t first_row() { return first_unit() / kWarp; }
  static __device__ int64_t row_step() { return unit_step() / kWarp; }
  static __device__ int rank() { return threadIdx.x % kWarp; }
  static __device__ int size() { return kWarp; }
  static __device__ void synchronize() { __syncwarp(); }

  template <class Value, class Join>
  static __device__ Value reduce(Value value, Join join) {
    return reduce_warp(value, join);
  }
};

struct BlockGroup {
  static __device__ int64_t first_row() { return blockIdx.x; }
  static __device__ int64_t row_step() { return gridDim.x; }
  static __device__ int rank() { return threadIdx.x; }
  static __device__ int size() { return blockDim.x; }
  static __device__ void synchronize() { __syncthreads(); }

  template <class Value, class Join>
  static __device__ Value reduce(Value value, Join join) {
    __shared__ Value of_warps[kThreads / kWarp];
    value = reduce_warp(value, join);
    if (threadIdx.x % kWarp == 0) of_warps[threadIdx.x / kWarp] = value;
    __syncthreads();
    value = of_warps[0];
    for (unsigned warp = 1; warp < blockDim.x / kWarp; ++warp) value = join(value, of_warps[warp]);
    __syncthreads();  // before the next call writes what this one still reads
    return value;
  }
};

// The sum of part(i) over the row, in every thread.
template <class Group, class Part>
__device__ inline double sum_row(int64_t size, Part part) {
  double total = 0;
  for (int64_t i = Group::rank(); i < size;) {
    float run = 0;
    for (int n = 0; n < kFloatRun && i < size; ++n, i += Group::size()) run += part(i);
    total += run;
  }
  return Group::reduce(total, Add());
}

// The same with every product exact, for rows of tiny and huge numbers.
template <class Group>
__device__ inline double dot_row(const float* a, const float* b, int64_t size) {
  double total = 0;
  for (int64_t i = Group::rank(); i < size; i += Group::size()) total += static_cast<double>(a[i]) * b[i];
  return Group::reduce(total, Add());
}

// Runs the kernel of warps or that of blocks with a group for each row.
template <class... Parameters, class... Arguments>
void launch_rows(const KernelContext& context, void (*of_warps)(Parameters...), void (*of_blocks)(Parameters...),
                 int64_t rows, int64_t size, const Arguments&... arguments) {
  if (size <= kLongRow) {
    launch_blocks(context, of_warps, (rows * kWarp + kThreads - 1) / kThreads, kThreads, arguments...);
  } else {
    launch_blocks(context, of_blocks, rows, kThreads, arguments...);
  }
}

}  // namespace lmspt::cuda

// Operands of the engine for compute capability 9.0: numbers as bulk copies want them, bf16 or tf32, for bf16x3 all hi
// parts before all lo parts.
#pragma once

#include "device/cuda/launch.h"
#include "gemm/cuda/product.h"

namespace lmspt::cuda {

inline size_t bytes_of_operands(Precision precision, int64_t count) {
  return static_cast<size_t>(count) * (precision == Precision::bf16 ? 2 : 4);
}

// `count` numbers, in rows of `channels` and a multiple of 8, as operands: rounded, and through Snake where there is
// alpha. Planes of bf16x3 are `plane` numbers apart.
void make_operands(const KernelContext& context, Precision precision, const Numbers& x, const float* alpha,
                   int64_t channels, int64_t count, int64_t plane, void* operands);

// `count` numbers as operands for the length of a launcher: where they lie if they are bf16 numbers, else rounded.
class Operands {
 public:
  Operands(const KernelContext& context, Precision precision, const Numbers& x, int64_t count)
      : scratch_(context, lie_ready(precision, x) ? 0 : bytes_of_operands(precision, count)), data_(x.data) {
    if (lie_ready(precision, x)) return;
    make_operands(context, precision, x, nullptr, count, count, count, scratch_.data());
    data_ = scratch_.data();
  }
  const void* data() const { return data_; }

 private:
  static bool lie_ready(Precision precision, const Numbers& x) { return precision == Precision::bf16 && x.halves; }

  Scratch scratch_;
  const void* data_;
};

// The same of items of different lengths, (rows, channels) with rows of zeros around each of them.
void make_ragged_operands(const KernelContext& context, Precision precision, const RowsOfA& a, const RaggedItems& items,
                          void* operands);

// The same of `items` matrices (rows, columns), transposed; rows are a multiple of 8.
void make_transposed_operands(const KernelContext& context, Precision precision, const Numbers& x, int64_t items,
                              int64_t rows, int64_t columns, int64_t plane, void* operands);

// Images (items, height, width, columns) with the rows of each rest modulo `stride` side by side: (planes, items,
// width, stride, columns, pitch). Rows of plane i begin with i zeros: bulk copies begin at multiples of 16 bytes.
struct Transposed {
  int64_t items, height, width, stride, columns, planes;

  // Of whole 16 bytes.
  __host__ __device__ int64_t pitch() const { return ((height + stride - 1) / stride + planes + 2) / 4 * 4; }
  __host__ __device__ int64_t pixel() const { return stride * columns * pitch(); }
  __host__ __device__ int64_t item() const { return width * pixel(); }
  __host__ __device__ int64_t plane() const { return items * item(); }
  __host__ __device__ int64_t count() const { return planes * plane(); }
};

// As tf32 numbers; what lies between the rows of a column and its pitch is not written.
void make_operands_along_k(const KernelContext& context, const float* x, const Transposed& shape, void* operands);

}  // namespace lmspt::cuda

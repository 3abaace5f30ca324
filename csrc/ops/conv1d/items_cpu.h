// Kernels for items of different lengths (items.h): those for one length, item by item. Include only from *_cpu.cc
// files.
#pragma once

#include <cstring>

#include "device/kernel.h"
#include "ops/conv1d/items.h"

namespace lmspt::LMSPT_ISA {

// Rows [first, first + count) of a batch of one.
LMSPT_INLINE Tensor rows_of(const Tensor& tensor, int64_t first, int64_t count) {
  Tensor rows = tensor;
  rows.data = tensor.f32() + first * tensor.shape[2];
  rows.shape[1] = count;
  return rows;
}

LMSPT_INLINE void clear_rows(const Tensor& tensor, int64_t first, int64_t end) {
  const int64_t channels = tensor.shape[2];
  std::memset(tensor.f32() + first * channels, 0, (end - first) * channels * sizeof(float));
}

// Runs `kernel` for each item, without `ends`. `residual` is the input that has rows of y, -1 for none. The last
// `skipped` rows of an item's y are zeros, as is what lies behind all items.
LMSPT_INLINE void for_each_item(const KernelContext& context, int ends, int residual, int64_t skipped, Kernel kernel) {
  const Tensor x = context.in(0), y = context.out(0);
  const ItemRows rows = item_rows(x.shape, y.shape, *context.attrs);
  const int64_t items = context.in(ends).shape.count();
  Tensor inputs[kUnitNextAlpha + 1];
  for (int i = 0; i < context.input_count; ++i) inputs[i] = i == ends ? Tensor{} : context.inputs[i];
  KernelContext item = context;
  item.inputs = inputs;
  int64_t first = 0;
  for (int64_t i = 0; i < items; ++i) {
    int64_t end = context.in(ends).i32()[i];
    end = end < first ? first : (end > rows.frames ? rows.frames : end);
    const int64_t in = (end - first) * rows.in - rows.missing, out = (end - first) * rows.out - skipped;
    if (in > 0 && out > 0) {
      inputs[0] = rows_of(x, first * rows.in, in);
      if (residual >= 0 && context.in(residual)) {
        inputs[residual] = rows_of(context.in(residual), first * rows.out, out);
      }
      Tensor result = rows_of(y, first * rows.out, out);
      item.outputs = &result;
      kernel(item);
      clear_rows(y, first * rows.out + out, end * rows.out);
    } else {
      clear_rows(y, first * rows.out, end * rows.out);
    }
    first = end;
  }
  clear_rows(y, first * rows.out, rows.frames * rows.out);
}

}  // namespace lmspt::LMSPT_ISA

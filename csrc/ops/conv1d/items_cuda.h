// Items of different lengths (items.h) as kernels for CUDA take them.
#pragma once

#include "gemm/cuda/product.h"
#include "ops/conv1d/items.h"

namespace lmspt::cuda {

// With so many positions a frame, and so many of an item besides.
inline RaggedItems ragged_items(const Tensor& ends, const ItemRows& rows, int64_t positions, int64_t extra) {
  return {ends.i32(),
          static_cast<int>(ends.shape.count()),
          static_cast<int>(rows.frames),
          static_cast<int>(rows.in),
          static_cast<int>(rows.missing),
          static_cast<int>(positions),
          static_cast<int>(extra),
          0};
}

// Divides the one item of a product.
inline void set_items(Product& p, const RaggedItems& items) {
  p.ragged = items;
  p.rows = items.all_positions();
}

}  // namespace lmspt::cuda

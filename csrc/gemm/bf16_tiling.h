// How the rows and columns of a bf16 product are shared out among threads.
#pragma once

#include "device/tensor.h"
#include "gemm/bf16_unit.h"

namespace lmspt {

LMSPT_INLINE int64_t round_up_to(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// Rows of a tile that keeps `row_bytes` for each in the second-level cache: a multiple of `row_step`, but no more than
// `share` needs.
int64_t bf16_tile_rows(int64_t row_bytes, int64_t share, int64_t row_step);

struct Bf16Work {
  int64_t batch, length;  // rows of each item
  int64_t row_bytes;      // staged for one row
  int64_t row_step;       // tiles are a multiple of it
  Tensor weights;         // packed
  int threads;
};

struct Bf16Tiling {
  int64_t rows;    // of a tile
  int64_t tiles;   // of an item
  int64_t splits;  // tasks among which the panels of a tile are divided
  int64_t panels;

  static Bf16Tiling of(const Bf16Work& work);
  int64_t first_panel(int64_t split) const { return panels * split / splits; }
};

}  // namespace lmspt

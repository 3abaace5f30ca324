// The item that a tile belongs to.
#pragma once

#include "gemm/cuda/product.h"

namespace lmspt::cuda {

// Kept in shared memory by kernels that are short of registers.
struct alignas(16) TileItem {
  int64_t a, c;   // elements to it in x and in C, those to the group included
  int64_t limit;  // of its elements of C
  int rows, in;   // its positions, and its rows of x
};

__device__ inline TileItem item_of(const Product& p, int64_t item, int64_t group) {
  return {item * p.a.item + group * p.a.group, item * p.c.item + group * p.c.group, p.c.limit, static_cast<int>(p.rows),
          p.a.w.in};
}

__device__ inline TileItem item_of(const Product& p, const RaggedPlace& at, int64_t group) {
  const RaggedItems& items = p.ragged;
  const int64_t frame_of_c = items.positions * p.c.w;
  const int in = at.frames * items.in - items.missing;
  return {int64_t{at.first} * items.in * p.a.w.pitch + group * p.a.group, at.first * frame_of_c + group * p.c.group,
          at.frames * frame_of_c, at.frames * items.positions + items.extra, in > 0 ? in : 0};
}

// A tile of kRows positions, in a product of items with all their rows or of items of different lengths.
struct TileOfItem {
  TileItem item;
  int m, first_row;          // its first position there; where the item begins in x
  bool has_rows, is_behind;  // behind: of what follows the last item
  RaggedPlace ragged{};

  static int64_t count_of_item(const Product& p, int rows) {
    return p.ragged.ends ? p.ragged.slots(rows) : (p.rows + rows - 1) / rows;
  }

  template <int kRows>
  static __device__ TileOfItem of(const Product& p, int tile, const Divisor& tiles_of_item) {
    if (p.ragged.ends) {
      const RaggedPlace at = RaggedPlace::by_thread<kRows>(p.ragged, tile);
      const bool exists = at.exists(p.ragged), behind = at.is_behind(p.ragged);
      return {item_of(p, at, 0), at.m, at.first * p.ragged.in, exists && !behind, exists && behind, at};
    }
    const Parts at = divide(tile, tiles_of_item);
    return {item_of(p, at.quotient, 0), at.rest * kRows, at.quotient * p.a.w.in, true, false};
  }
};

// Makes the rows of C zeros that a tile of `rows` positions has behind the last item, by `threads` threads.
template <bool kHalves>
__device__ inline void clear_behind(const RaggedItems& items, const ElementsOfC& c, const RaggedPlace& at, int rows,
                                    int thread, int threads) {
  const int64_t frame_of_c = items.positions * c.w, end = (at.first + at.frames) * frame_of_c;
  const int64_t begin = at.first * frame_of_c + at.m * c.w, next = begin + rows * c.w;
  const float zero = 0;
  for (int64_t i = begin + thread; i < (next < end ? next : end); i += threads) {
    c.c.store<1, kHalves>(i, &zero);
    if (c.activated) c.activated.store<1, kHalves>(i, &zero);
  }
}

}  // namespace lmspt::cuda

// The positions over which weight gradients for compute capability 9.0 sum.
#pragma once

#include <algorithm>

#include "gemm/cuda/outer_product.h"
#include "gemm/cuda/sm90_units.h"

namespace lmspt::cuda {

// One axis of positions, and the taps along it.
struct TapAxis {
  Axis x;
  int out, taps;
};

struct Positions {
  TapAxis h, w;
  int64_t items;
  bool image;  // else a sequence along h
};

inline Positions positions_of(const OuterProduct& o) {
  const RowsOfA& q = o.taps;
  const int all = q.positions.value(), across = q.positions_w.value(), taps_w = q.taps_w.value();
  const int taps_h = static_cast<int>(o.columns / q.channels / taps_w);
  const bool image = q.h.in != 1 || q.h.origin != 0 || taps_h != 1 || all != across;
  if (!image) return {{q.w, all, taps_w}, {Axis{}, 1, 1}, o.depth / all, false};
  return {{q.h, all / across, taps_h}, {q.w, across, taps_w}, o.depth / all, true};
}

// K in pieces of as many blocks, for so many tiles of the result.
struct Pieces {
  int blocks, count;

  static Pieces of(int64_t tiles, int blocks, int positions_of_block) {
    constexpr int64_t kManyTasks = 2 * 132;                       // for every multiprocessor of a large GPU two
    constexpr int64_t kLeastPiece = 512, kMostPiece = 16 * 1024;  // positions, so that sums do not lose digits
    const int64_t positions = int64_t{blocks} * positions_of_block;
    const int64_t pieces = std::min(std::max<int64_t>(kManyTasks / tiles, up(positions, kMostPiece)),
                                    std::max<int64_t>(1, positions / kLeastPiece));
    const int of_piece = up(blocks, std::max<int64_t>(1, pieces));
    return {of_piece, up(blocks, of_piece)};
  }
};

// Rests of w that have as many positions as the first.
inline int longer_rests(const Axis& w) { return w.in % w.stride == 0 ? w.stride : w.in % w.stride; }

}  // namespace lmspt::cuda

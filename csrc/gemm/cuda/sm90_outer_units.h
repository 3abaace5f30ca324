// What weight gradients for compute capability 9.0 are made of, each precision compiled in a file of its own.
#pragma once

#include "gemm/cuda/outer_product.h"
#include "gemm/cuda/sm90_units.h"

namespace lmspt::cuda {

constexpr int kMostOuterMaps = 16;

// The parameter of the kernel. K is walked in blocks, boxes of width by height positions of an item. Sequences lie
// along h, with groups in the place of w.
//
// P is (columns, 1, w or group, h, item). Q has a map for each tap along h, (columns, rest of w, w or group, h, item),
// of those rows that the tap reads: a block that ends past an item is zero in both. Where w is no multiple of its
// stride, the last rests have a position less, and maps of their own behind all others. In tf32 both are transposed:
// (h, column, w or group, item).
struct Sm90Outer {
  CUtensorMap p, q[kMostOuterMaps];
  int first[kMostOuterMaps];  // where in its map a tap begins
  int longer = 1;             // rests of w below this one are in the first maps
  int taps_h, items;          // lo parts lie so many items behind
  Sm90Axis w;
  int w_step;              // of q from one position to the next, where that axis has no rests
  int width, height;       // of a block
  int half_w, half_h;      // from one half of its positions to the other; one of them is zero
  int blocks_w, blocks_h;  // of an item
  int down, across;        // tiles of the rows, and of a tap's channels
  int groups, pieces;      // K in pieces of as many blocks
  int blocks, piece;       // all, of a piece
  int units;               // of work, of a cluster
  OuterProduct o;
  float* partial;  // (pieces, groups, M, N), or null
};

// Fill in the units.
void sum_sm90_bf16(const KernelContext& context, Sm90Outer& product, const Sm90Choice& choice);
void sum_sm90_bf16x3(const KernelContext& context, Sm90Outer& product, const Sm90Choice& choice);
void sum_sm90_tf32(const KernelContext& context, Sm90Outer& product, const Sm90Choice& choice);

}  // namespace lmspt::cuda

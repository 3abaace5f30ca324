// What the engine for compute capability 9.0 is made of, each compiled in a file of its own.
#pragma once

#include "device/cuda/tensor_map.h"
#include "gemm/cuda/product.h"

namespace lmspt::cuda {

constexpr int kSm90Rows = 128;  // of a tile

// How the blocks of K follow one another: channels of 128 bytes, for each all taps, for each all pairs of planes.
//
// Tap i of row t lies in x at t * stride + i * dilation + origin. Rows of one rest modulo the stride are a dimension of
// the map; the last rests have a row less where the length is no multiple, and a map of their own.
struct Sm90Walk {
  int channel_blocks = 0, taps = 1;
  int stride = 1, dilation = 1, origin = 0;
  int longer = 1;               // rests below this one are in map 0, the others in map 1
  bool none[2] = {};            // maps without any rows
  int items_of_plane = 0;       // lo parts lie so many items behind
  int b_item = 0, b_group = 0;  // steps along the fourth dimension of b
};

// Tiles in the order in which they are computed: bands of rows, in each band column after column.
struct Sm90Tiling {
  int down = 0, rows = 0, across = 0;  // tiles of an item, of a group, of its columns
  int units = 0;                       // clusters of tiles, of all groups
};

// The parameter of the kernel.
struct Sm90Product {
  CUtensorMap a[2],
      b[2];  // a: channels, rest, row, item, group; b, of each plane: channels, taps, columns, item or group
  Sm90Walk walk;
  Sm90Tiling tiling;
  Product p;  // its rows are those of one item
  bool vectors = false;
};

struct Sm90Choice {
  int columns;  // of a tile
  bool pairs;   // clusters of two tiles that share their columns
};

// Fills in the tiling.
void multiply_sm90_bf16(const KernelContext& context, Sm90Product& product, const Sm90Choice& choice);
void multiply_sm90_bf16x3(const KernelContext& context, Sm90Product& product, const Sm90Choice& choice);
void multiply_sm90_tf32(const KernelContext& context, Sm90Product& product, const Sm90Choice& choice);

}  // namespace lmspt::cuda

// What the engine for compute capability 9.0 is made of, each compiled in a file of its own.
#pragma once

#include "device/cuda/tensor_map.h"
#include "gemm/cuda/product.h"

namespace lmspt::cuda {

constexpr int kSm90Rows = 128;     // of a tile
constexpr int kConsumerWarps = 8;  // of a block, which multiply
constexpr int kMostSharedBytes = 227 * 1024;
constexpr int kMostBox = 256;        // positions of a box along each dimension
constexpr int kRowsOfOverhead = 40;  // what a tile costs besides its rows

// How many steps hold so many, the last one perhaps in part.
inline int up(int64_t count, int64_t step) { return static_cast<int>((count + step - 1) / step); }

// The time of tiles of so many rows, where blocks take one after the other.
inline int64_t time_of_rounds(int64_t tiles, int64_t at_once, int rows) {
  return up(tiles, at_once) * int64_t{rows + kRowsOfOverhead};
}

// Along one axis of x, rows of one rest modulo the stride are a dimension of the map. Tap i of output t lies at rest r
// of group t + q + first, (q, r) = divide(i * dilation + origin, stride).
struct Sm90Axis {
  Divisor stride;
  int taps = 1, dilation = 1, origin = 0, first = 0;

  static Sm90Axis of(const Axis& axis, int taps, int dilation, int stride) {
    const int first = axis.origin >= 0 ? axis.origin / stride : -((stride - 1 - axis.origin) / stride);
    return {Divisor(stride), taps, dilation, axis.origin - first * stride, first};
  }
  // The group, from that of the output on, and the rest.
  __device__ Parts at(int tap) const {
    const Parts parts = divide(tap * dilation + origin, stride);
    return {parts.quotient + first, parts.rest};
  }
};

// How the blocks of K follow one another: channels of 128 bytes, for each all taps, for each all pairs of planes.
//
// One of the axes at most has rests. The last rests have a row less where the length is no multiple, and a map of their
// own.
struct Sm90Walk {
  int channel_blocks = 0;
  Sm90Axis h, w;
  Divisor taps_w;
  int h_step = 1;               // rows from one output to the next along h, where that axis has no rests
  int longer = 1;               // rests below this one are in map 0, the others in map 1
  bool none[2] = {};            // maps without any rows
  int items_of_plane = 0;       // lo parts lie so many items behind
  int b_item = 0, b_group = 0;  // steps along the fourth dimension of b

  __device__ int map_of(int rest) const { return rest >= longer; }
};

// Tiles in the order in which they are computed: bands of rows, in each band column after column. Row i of a tile is
// the position (i / width, i % width) of a box; along a sequence it is 128 wide.
struct Sm90Tiling {
  Divisor width;                        // of a box
  int height = 1, width_of_item = 0;    // of a box; positions of an item along w
  int kept_width = 0, kept_height = 1;  // of a box: positions of C, beyond which others are there for taps
  Divisor boxes_across;                 // of an item, along w
  Divisor down;                         // tiles of an item
  int rows = 0, across = 0;             // clusters of tiles of a group, tiles of its columns
  Divisor of_group, of_band;            // clusters
  int units = 0;                        // clusters, of all groups
};

// The parameter of the kernel.
struct Sm90Product {
  CUtensorMap a[2], b[2];  // a: channels, rest, w, h or group, item; b, of each plane: channels, taps, columns, item or
                           // group
  Sm90Walk walk;
  Sm90Tiling tiling;
  Product p;  // its rows are those of one item
  bool vectors = false;
  bool clears = false;  // items of different lengths have no gaps, and tiles at their ends clear what lies beyond
};

struct Sm90Choice {
  int columns;  // of a tile
  bool pairs;   // clusters of two tiles that share their columns
};

// Fill in the rest of the tiling.
void multiply_sm90_bf16(const KernelContext& context, Sm90Product& product, const Sm90Choice& choice);
void multiply_sm90_bf16x3(const KernelContext& context, Sm90Product& product, const Sm90Choice& choice);
void multiply_sm90_tf32(const KernelContext& context, Sm90Product& product, const Sm90Choice& choice);

}  // namespace lmspt::cuda

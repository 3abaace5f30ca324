// Where the operands of products for compute capability 9.0 lie: their boxes and their tensor maps.
#pragma once

#include "gemm/cuda/sm90_units.h"

namespace lmspt::cuda {

constexpr int kMapBytes = 16;  // addresses and steps of maps are multiples of

// The order of sums follows from this alone.
Sm90Walk walk_of(Precision precision, const Product& p);

// The boxes of which an item takes fewest, of 121 to 128 positions: products read whole swizzle blocks of eight, and
// nothing that no copy brought.
void choose_box(const Product& p, int most_height, Sm90Tiling& tiling);

// Rows of x: (channels, rest, w, h or group, item), in boxes of the tiling.
void map_a(Sm90Product& q, bool halves, int planes);

// Packed weights: (channels, taps, columns, item or group).
void map_b(Sm90Product& q, bool halves, int planes, int box_columns);

// Rows of zeros between items of different lengths, so that no tap reaches from one to another.
int gap_of(const Product& p);

}  // namespace lmspt::cuda

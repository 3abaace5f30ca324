// How two inputs of an elementwise op spread over its output, as NumPy does it: shapes aligned at the right.
// Knows nothing of graphs, so that every device's library can have it.
#pragma once

#include "device/tensor.h"

namespace lmspt {

// The order in which the elements are visited: neighbouring dimensions that broadcast alike are merged.
struct BroadcastPlan {
  int rank = 0;
  int64_t size[kMaxRank];      // outermost first
  int64_t x_stride[kMaxRank];  // 0 where the input repeats; 0 or 1 in the innermost dimension
  int64_t y_stride[kMaxRank];
};

BroadcastPlan plan_broadcast(const Shape& x, const Shape& y, const Shape& out);

}  // namespace lmspt

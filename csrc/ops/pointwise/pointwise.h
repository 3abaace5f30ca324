// Elementwise ops of one or two inputs, in one table for all devices: LMSPT_UNARY(name, formula of x) and
// LMSPT_BINARY(name, formula of x and y). Binary ops broadcast as NumPy does (shapes aligned at the right).
// `a` and `b` are the op's attributes "a" and "b".
#pragma once

#include "device/attrs.h"
#include "device/tensor.h"

namespace lmspt {

// How the elements of a broadcast operation are visited: neighbouring dimensions that broadcast alike are merged.
struct BroadcastPlan {
  int rank = 0;
  int64_t size[kMaxRank];      // outermost first
  int64_t x_stride[kMaxRank];  // 0 where the input repeats
  int64_t y_stride[kMaxRank];
};

BroadcastPlan plan_broadcast(const Shape& x, const Shape& y, const Shape& out);

}  // namespace lmspt

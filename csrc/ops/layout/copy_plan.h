// Copies with strides: the common form of transpose and broadcast_to.
// Knows nothing of graphs, so that every device's library can have it.
#pragma once

#include "device/attrs.h"
#include "device/tensor.h"

namespace lmspt {

// The output is dense; element i of it comes from sum of index[d] * stride[d]. Dimensions that move together are
// merged.
struct CopyPlan {
  int rank = 0;
  int64_t size[kMaxRank];  // outermost first
  int64_t stride[kMaxRank];
};

CopyPlan plan_copy(const Shape& sizes, const int64_t* strides);
CopyPlan plan_transpose(const Shape& x, const AttrValue& order);
CopyPlan plan_repeat(const Shape& x, const Shape& out);  // x broadcast to out

}  // namespace lmspt

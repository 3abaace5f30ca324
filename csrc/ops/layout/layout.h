// Copies with strides: the common form of transpose and broadcast_to.
#pragma once

#include "device/tensor.h"

namespace lmspt {

// The output is dense; element i of it comes from sum of index[d] * stride[d]. Dimensions that move together are merged.
struct CopyPlan {
  int rank = 0;
  int64_t size[kMaxRank];
  int64_t stride[kMaxRank];
};

CopyPlan plan_copy(const Shape& sizes, const int64_t* strides);

}  // namespace lmspt

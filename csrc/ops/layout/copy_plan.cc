#include "ops/layout/copy_plan.h"

namespace lmspt {

CopyPlan plan_copy(const Shape& sizes, const int64_t* strides) {
  CopyPlan plan;
  for (int i = 0; i < sizes.rank; ++i) {
    if (sizes[i] == 1) continue;
    const int last = plan.rank - 1;
    if (last >= 0 && plan.stride[last] == strides[i] * sizes[i]) {
      plan.size[last] *= sizes[i];
      plan.stride[last] = strides[i];
    } else {
      plan.size[plan.rank] = sizes[i];
      plan.stride[plan.rank++] = strides[i];
    }
  }
  if (plan.rank == 0) {
    plan.rank = 1;
    plan.size[0] = plan.stride[0] = 1;
  }
  return plan;
}

CopyPlan plan_transpose(const Shape& x, const AttrValue& order) {
  Shape sizes;
  int64_t strides[kMaxRank];
  for (int i = 0; i < x.rank; ++i) {
    const int axis = static_cast<int>(order.list[i]);
    sizes.dims[sizes.rank++] = x.dims[axis];
    strides[i] = x.count_from(axis + 1);
  }
  return plan_copy(sizes, strides);
}

CopyPlan plan_repeat(const Shape& x, const Shape& out) {
  int64_t strides[kMaxRank];
  for (int i = 0; i < out.rank; ++i) {
    const int source = i - (out.rank - x.rank);
    strides[i] = source < 0 || x.dims[source] == 1 ? 0 : x.count_from(source + 1);
  }
  return plan_copy(out, strides);
}

}  // namespace lmspt

#include "ops/pointwise/broadcast.h"

#include <algorithm>

namespace lmspt {

BroadcastPlan plan_broadcast(const Shape& x, const Shape& y, const Shape& out) {
  BroadcastPlan plan;
  int64_t x_step = x.count(), y_step = y.count();
  for (int i = 0; i < out.rank; ++i) {
    const int from_right = out.rank - i;
    const int64_t xd = from_right <= x.rank ? x[-from_right] : 1, yd = from_right <= y.rank ? y[-from_right] : 1;
    x_step /= std::max<int64_t>(xd, 1);
    y_step /= std::max<int64_t>(yd, 1);
    if (out[i] == 1) continue;
    const int64_t xs = xd == 1 ? 0 : x_step, ys = yd == 1 ? 0 : y_step;
    const int last = plan.rank - 1;
    if (last >= 0 && plan.x_stride[last] == xs * out[i] && plan.y_stride[last] == ys * out[i]) {
      plan.size[last] *= out[i];
      plan.x_stride[last] = xs;
      plan.y_stride[last] = ys;
    } else {
      plan.size[plan.rank] = out[i];
      plan.x_stride[plan.rank] = xs;
      plan.y_stride[plan.rank++] = ys;
    }
  }
  if (plan.rank == 0) {
    plan.rank = 1;
    plan.size[0] = 1;
    plan.x_stride[0] = plan.y_stride[0] = 0;
  }
  return plan;
}

}  // namespace lmspt

// The input of a reduction seen as (outer, reduced, inner).
#pragma once

#include "device/kernel.h"

namespace lmspt {

struct Extent {
  int64_t outer, reduced, inner;
};

LMSPT_INLINE Extent extent_of(const KernelContext& context) {
  const Shape& x = context.in(0).shape;
  const int first = static_cast<int>(context.attrs->i("first")), last = static_cast<int>(context.attrs->i("last"));
  int64_t reduced = 1;
  for (int i = first; i <= last; ++i) reduced *= x[i];
  return {x.count_before(first), reduced, x.count_from(last + 1)};
}

}  // namespace lmspt

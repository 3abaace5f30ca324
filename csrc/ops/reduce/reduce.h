// sum, mean, max over the run of dimensions first ... last (inclusive), which become 1 when `keep` is set, else vanish.
// Sums are accumulated in double precision, in a fixed order.
#pragma once

#include "graph/graph.h"

namespace lmspt {

// Sums `value` over the dimensions in which `shape` (aligned at the right) is 1 or missing: the inverse of
// broadcasting.
ValueId sum_to_shape(Graph& graph, ValueId value, const Shape& shape);

}  // namespace lmspt

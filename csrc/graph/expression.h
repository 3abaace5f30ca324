// Ops and their attributes as text, to recognise equal computations.
#pragma once

#include <string>

#include "graph/op.h"

namespace lmspt {

std::string expression_of(const OpDef& op, const Attrs& attrs);  // "conv1d(stride=2,...)"

}  // namespace lmspt

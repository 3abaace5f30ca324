// What shape rules have to say about items of different lengths (items.h).
#pragma once

#include <vector>

#include "graph/op.h"

namespace lmspt {

// `specs` and the attributes of items of different lengths.
std::vector<AttrSpec> with_item_attrs(std::vector<AttrSpec> specs);

// Throws where the input `ends` and x (1, at least one frame, I) are not as items.h says.
void expect_items(const InferContext& context, int ends);

}  // namespace lmspt

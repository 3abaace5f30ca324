// Which values of a plan are stored as bf16 numbers.
#pragma once

#include "graph/program.h"

namespace lmspt {

// Where products are computed in bf16, the values that they give and take are stored so: where the step that makes a
// value and all that read it can do with it, and one of them is such a product. LMSPT_BF16_STORAGE=0 switches it off.
void choose_storage(Program& program, const Device& device);

}  // namespace lmspt

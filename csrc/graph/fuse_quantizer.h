// Joins the stages of a residual quantizer, each a projection, a search, a look-up, a projection back and what is left
// over, into one step: see ops/quantizer/quantizer.cc.
#pragma once

#include "graph/program.h"

namespace lmspt {

void fuse_quantizers(Program& program);

}  // namespace lmspt

// Joins what follows the products of Transformer layers, forward and backward, with its neighbours, for devices whose
// products can finish what they sum (ops/linear/fused_linear.cc, ops/norms/norms.cc):
// * GELU, its gradient, and a sum into the product before;
// * a sum into the norm that reads it; a sum of gradients into the norm's gradient before.
#pragma once

#include "graph/program.h"

namespace lmspt {

void fuse_layers(Program& program);

}  // namespace lmspt

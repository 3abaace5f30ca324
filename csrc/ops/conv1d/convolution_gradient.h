// The gradients of conv1d and conv_transpose1d, each of which is the other's transpose.
#pragma once

#include "graph/op.h"

namespace lmspt {

// `transposed` names the op that carries gy back to x; `x_slides` says whether x is the longer sequence over which the
// kernel slides (conv1d) or gy is (conv_transpose1d).
void convolution_gradient(GradContext& context, const char* transposed, bool x_slides);

// Throws where there are items of different lengths.
void refuse_items(const GradContext& context, int ends);

}  // namespace lmspt

// Joins LeakyReLU and its gradient with the convolutions over images before them, as discriminators have them, for
// devices whose products can finish what they sum (ops/conv2d/conv2d.h): LeakyReLU where nothing else reads the
// convolution's own result; its gradient with the gradient towards the inputs of the layer that follows, and with what
// other gradients arrive there.
#pragma once

#include "graph/program.h"

namespace lmspt {

void fuse_leaky_relu(Program& program);

}  // namespace lmspt

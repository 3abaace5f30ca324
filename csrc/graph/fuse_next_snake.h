// Lets convolutions apply the Snake of the layer that reads them (ops/snake/next_snake.h), where that saves a pass over
// their result: where Snake is a step of its own, or the layer's kernel would go over it before it multiplies.
#pragma once

#include "graph/program.h"

namespace lmspt {

// Whether the step's kernel goes over its first input before it multiplies.
bool prepares_input(const Program& program, const Step& step, Device& device);

void fuse_next_snakes(Program& program, Device& device);

}  // namespace lmspt

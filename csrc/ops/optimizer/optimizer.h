// Updates of many tensors at once.
// global_norm(x0, x1, ...): the root of the sum of all squares, a scalar; NaN or infinite where an element is.
// adamw(rate, step, norm, p0, m0, v0, g0, p1, m1, v1, g1, ...): new p0, m0, v0, p1, m1, v1, ... (Loshchilov and Hutter
//   2019), all scalars f32, `step` counting from 1, `norm` the global norm of the gradients:
//     g = g min(1, max_norm / (norm + 1e-6)), where max_norm is not 0
//     m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2
//     p = p - rate weight_decay p - rate m / (1 - beta1^step) / (sqrt(v / (1 - beta2^step)) + epsilon)
//   Where norm is not finite, everything stays as it is. In a plan that updates p, m and v, they are written in place.
#pragma once

#include "device/tensor.h"

namespace lmspt {

constexpr int kAdamwScalars = 3;    // rate, step, norm
constexpr int kAdamwInputs = 4;     // of one tensor: p, m, v, g
constexpr int kAdamwOutputs = 3;    // of one tensor: p, m, v
constexpr int kMostTensors = 4096;  // that one call updates

// The input that an output may overwrite.
LMSPT_INLINE int adamw_overwrites(int output) {
  return kAdamwScalars + output / kAdamwOutputs * kAdamwInputs + output % kAdamwOutputs;
}

}  // namespace lmspt

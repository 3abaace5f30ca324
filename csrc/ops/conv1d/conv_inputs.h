// Where the inputs of convolutions beyond x, w and bias stand. Of `ends` items.h tells, of `next_alpha`
// ops/snake/next_snake.h.
#pragma once

namespace lmspt {

constexpr int kConvAlpha = 3, kConvResidual = 4, kConvEnds = 5, kConvNextAlpha = 6;
constexpr int kTransposeEnds = 3, kTransposeNextAlpha = 4;
constexpr int kUnitEnds = 7, kUnitNextAlpha = 8;

}  // namespace lmspt

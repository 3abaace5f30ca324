// Where the last inputs of convolutions stand: `ends` (items.h) and `next_alpha` (ops/snake/next_snake.h).
#pragma once

namespace lmspt {

constexpr int kConvEnds = 5, kConvNextAlpha = 6;
constexpr int kTransposeEnds = 3, kTransposeNextAlpha = 4;
constexpr int kUnitEnds = 7, kUnitNextAlpha = 8;

}  // namespace lmspt

// Staging: a tile of input rows in scratch memory, zeros where rows lie outside the input, Snake applied where wanted.
// The taps of a convolution are then plain shifts of rows.
#pragma once

#include <cstring>

#include "device/cpu/math.h"

namespace lmspt::LMSPT_ISA {

struct SnakeParameters {
  const float* alpha;    // (C), null: no Snake
  const float* inverse;  // (C), 1 / (alpha + 1e-9)
};

LMSPT_INLINE void snake_row(const float* x, int64_t channels, const SnakeParameters& snake_parameters, float* y) {
  int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    const Vec alpha = Vec::load(snake_parameters.alpha + c), inverse = Vec::load(snake_parameters.inverse + c);
    snake(Vec::load(x + c), alpha, inverse).store(y + c);
  }
  if (c < channels) {
    const int n = static_cast<int>(channels - c);
    const Vec alpha = load_part(snake_parameters.alpha + c, n), inverse = load_part(snake_parameters.inverse + c, n);
    store_part(snake(load_part(x + c, n), alpha, inverse), y + c, n);
  }
}

// Rows [first, first + count) of x (length, channels) into `staged`.
LMSPT_INLINE void stage_rows(const float* x, int64_t length, int64_t channels, int64_t first, int64_t count,
                             const SnakeParameters& snake_parameters, float* staged) {
  const int64_t begin = first < 0 ? (-first < count ? -first : count) : 0;
  int64_t end = length - first;
  end = end < begin ? begin : (end > count ? count : end);
  std::memset(staged, 0, begin * channels * sizeof(float));
  if (!snake_parameters.alpha) {
    std::memcpy(staged + begin * channels, x + (first + begin) * channels, (end - begin) * channels * sizeof(float));
  } else {
    for (int64_t row = begin; row < end; ++row) {
      snake_row(x + (first + row) * channels, channels, snake_parameters, staged + row * channels);
    }
  }
  std::memset(staged + end * channels, 0, (count - end) * channels * sizeof(float));
}

}  // namespace lmspt::LMSPT_ISA

// The inputs that a rectangle of outputs reads: where they lie in x, or a copy in scratch memory with zeros around x.
// With a dilation along w, the copy holds the taps of every output side by side, so that they form one run either way.
// Include only from *_cpu.cc files.
#pragma once

#include "ops/conv1d/stage_cpu.h"
#include "ops/conv2d/conv2d.h"

namespace lmspt::LMSPT_ISA {

struct Rectangle {
  int64_t h, height, w, width;  // outputs
};

struct Window {
  const float* data;    // tap 0 of the first output
  int64_t row_stride;   // floats from one row of inputs to the next
  int64_t column_step;  // floats from one output to its neighbour along w
};

struct Image {
  const float* x;  // (in, in, channels) of one item
  int64_t channels;
  Axis2d h, w;

  bool unfolded() const { return w.dilation > 1 && w.taps > 1; }
  int64_t staged_columns(int64_t width) const { return unfolded() ? width * w.taps : w.span(width); }
  int64_t staged_floats(int64_t height, int64_t width) const {
    return h.span(height) * staged_columns(width) * channels;
  }

  // `scratch` has staged_floats(height, width) floats.
  Window window(const Rectangle& outputs, float* scratch) const {
    const int64_t first_row = h.origin + outputs.h * h.stride, rows = h.span(outputs.height);
    const int64_t first_column = w.origin + outputs.w * w.stride;
    const bool inside =
        first_row >= 0 && first_row + rows <= h.in && first_column >= 0 && first_column + w.span(outputs.width) <= w.in;
    if (inside && !unfolded()) {
      return {x + (first_row * w.in + first_column) * channels, w.in * channels, w.stride * channels};
    }
    const int64_t row_stride = staged_columns(outputs.width) * channels;
    for (int64_t row = 0; row < rows; ++row) stage_row(first_row + row, outputs, scratch + row * row_stride);
    return {scratch, row_stride, (unfolded() ? w.taps : w.stride) * channels};
  }

 private:
  void stage_row(int64_t row, const Rectangle& outputs, float* staged) const {
    if (row < 0 || row >= h.in) {
      std::memset(staged, 0, staged_columns(outputs.width) * channels * sizeof(float));
      return;
    }
    const float* source = x + row * w.in * channels;
    const int64_t first = w.origin + outputs.w * w.stride;
    if (!unfolded()) {
      stage_rows(source, w.in, channels, first, w.span(outputs.width), {}, staged);
      return;
    }
    for (int64_t i = 0; i < outputs.width; ++i) {
      for (int64_t tap = 0; tap < w.taps; ++tap, staged += channels) {
        stage_rows(source, w.in, channels, first + i * w.stride + tap * w.dilation, 1, {}, staged);
      }
    }
  }
};

}  // namespace lmspt::LMSPT_ISA

// conv_transpose1d: y[b, t, o] = bias[o] + sum of w[i, o, j] * x[b, q, i] over all j, q, i with q * stride + j *
// dilation - pad_left = t
//   x (B, T, I), w (I, O / groups, k), bias (O), y (B, T', O)
//   T' = (T - 1) stride + dilation (k - 1) + 1 - pad_left - pad_right, or `length` where that is given.
// With `ends`, x holds items of different lengths (ops/conv1d/items.h), and a frame frame_rows * stride rows of y.
// Computed as one product: output rows q * stride ... q * stride + stride - 1 are one row of stride * O columns, made
// from the ceil(k / stride) rows of x that end at q. With a stride above 1, dilation must be 1. With stride 1 it is a
// conv1d with transposed weights, as which CPU plans compute it: by the fast algorithm (winograd) where that is asked
// for. `next_alpha`, the last input, and `activated` are those of ops/snake/next_snake.h.
#pragma once

#include "device/attrs.h"
#include "device/tensor.h"

namespace lmspt {

struct ConvTranspose1dGeometry {
  int64_t batch, in_length, in_channels, out_length, out_channels;
  int64_t taps;  // rows of x that one row group of the output reads
  int64_t stride, dilation, groups, pad_left;

  LMSPT_INLINE int64_t group_in() const { return in_channels / groups; }
  LMSPT_INLINE int64_t group_out() const { return out_channels / groups; }
  LMSPT_INLINE int64_t columns() const { return stride * group_out(); }
};

}  // namespace lmspt

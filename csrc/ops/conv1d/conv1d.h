// conv1d: y[b, t, o] = bias[o] + sum over j, i of w[o, i, j] * x[b, t * stride + j * dilation - pad_left, group(o) + i]
//   x (B, T, I), w (O, I / groups, k), bias (O), y (B, T', O); rows of x outside [0, T) are zeros.
//   T' = floor((T + pad_left + pad_right - dilation (k - 1) - 1) / stride) + 1, or `length` where that is given.
// With `transposed`, w is (I, O, k) and its taps run backwards: w[i, o, k - 1 - j] takes the place of w[o, i, j]. There
// is one group then. So plans compute transposed convolutions of stride 1.
// With `alpha` (I), Snake is applied to x first; with `residual` (B, T', O), it is added last. These equal
// conv1d(snake(x, alpha), ...) and add(residual, conv1d(...)) bit for bit. With `ends`, x holds items of different
// lengths (items.h), and a frame frame_rows / stride rows of y. `next_alpha`, the last input, and `activated` of both
// ops here are those of ops/snake/next_snake.h.
// fused_residual_unit: x + conv1d(snake(conv1d(snake(x, alpha1), w1, bias1), alpha2), w2, bias2), inputs (x, w1, bias1,
// alpha1, w2, bias2, alpha2, ends, next_alpha), all of C channels, w2 of one tap, the first convolution by the fast
// algorithm (winograd.h).
// conv1d_weight_grad:
//   gw[o, i, j] = sum over b, t of gy[b, t, o] * x[b, t * stride + j * dilation - pad_left, group(o) + i]
#pragma once

#include "device/attrs.h"
#include "device/tensor.h"
#include "gemm/panel.h"

namespace lmspt {

// Of stride, dilation and groups, so that no position overflows.
constexpr int64_t kMaxConvStep = int64_t{1} << 20;

// Of the rows that one output row reads or that a kernel makes, times their channels, so that no scratch size
// overflows.
constexpr int64_t kMaxConvReach = int64_t{1} << 40;

struct Conv1dGeometry {
  int64_t batch, in_length, in_channels, out_length, out_channels, kernel;
  int64_t stride, dilation, groups, pad_left;

  LMSPT_INLINE int64_t group_in() const { return in_channels / groups; }
  LMSPT_INLINE int64_t group_out() const { return out_channels / groups; }
};

LMSPT_INLINE Conv1dGeometry conv1d_geometry(const Shape& x, const Shape& y, int64_t kernel, const Attrs& attrs) {
  return {x[0],
          x[1],
          x[2],
          y[1],
          y[2],
          kernel,
          attrs.i("stride"),
          attrs.i("dilation"),
          attrs.i("groups"),
          attrs.i("pad_left")};
}

// One channel in and one out per group: its kernel is a loop over taps, not a matrix product.
LMSPT_INLINE bool is_depthwise(int64_t groups, int64_t group_in, int64_t group_out) {
  return groups > 1 && group_in == 1 && group_out == 1;
}

// So few outputs that one panel of columns holds those of every tap.
LMSPT_INLINE bool is_narrow(const Attrs& attrs, int64_t outputs, int64_t kernel) {
  return attrs.i("stride") == 1 && attrs.i("groups") == 1 && !attrs.b("winograd") && !attrs.b("transposed") &&
         kernel > 1 && outputs * kernel <= kPanelWidth;
}

}  // namespace lmspt

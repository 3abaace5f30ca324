// conv2d: y[b, h, w, o] = bias[o] + sum over i, m, n of weight[o, i, m, n] * x[b, h', w', i],
//   h' = h * stride_h + m * dilation_h - pad_h and w' likewise; x (B, H, W, I), weight (O, I, kh, kw), bias (O),
//   y (B, H', W', O), H' = floor((H + 2 pad_h - dilation_h (kh - 1) - 1) / stride_h) + 1; outside of x there are zeros.
//   With a `slope` other than 1, y is leaky_relu(y).
// conv2d_input_grad(gy, weight, residual, signs) and conv2d_weight_grad(x, gy) are the gradients of one without slope;
//   the first falls into stride_h * stride_w phases, each a convolution of stride 1 with those taps of the kernel that
//   meet the phase. residual (as x) is added; with signs (as x) and a slope it is leaky_relu_grad(signs, that).
// Plans for CUDA make slopes, residuals and signs of the ops of these names (graph/fuse_leaky_relu.h).
#pragma once

#include "device/attrs.h"
#include "device/tensor.h"

namespace lmspt {

// Inputs of conv2d_input_grad beyond gy and weight.
constexpr int kConv2dResidual = 2, kConv2dSigns = 3;

// Throws where a packing for bf16 products is asked of the CPU, which has no such kernels of conv2d.
void refuse_bf16_packing(const char* op);

// One spatial dimension: output t reads the inputs origin + t * stride + tap * dilation.
struct Axis2d {
  int64_t in, out, taps, stride, dilation, origin;

  LMSPT_INLINE int64_t span(int64_t outputs) const { return (outputs - 1) * stride + (taps - 1) * dilation + 1; }
};

// One spatial dimension of a whole convolution, as its attributes name it.
struct ConvAxis {
  int64_t in, out, kernel, stride, dilation, pad;

  LMSPT_INLINE Axis2d forward() const { return {in, out, kernel, stride, dilation, -pad}; }
};

LMSPT_INLINE int64_t conv2d_length(int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad) {
  const int64_t room = in + 2 * pad - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

struct Conv2dGeometry {
  int64_t batch, in_channels, out_channels;
  ConvAxis h, w;
};

LMSPT_INLINE Conv2dGeometry conv2d_geometry(const Shape& x, const Shape& y, int64_t kernel_h, int64_t kernel_w,
                                            const Attrs& attrs) {
  return {x[0],
          x[3],
          y[3],
          {x[1], y[1], kernel_h, attrs.i("stride_h"), attrs.i("dilation_h"), attrs.i("pad_h")},
          {x[2], y[2], kernel_w, attrs.i("stride_w"), attrs.i("dilation_w"), attrs.i("pad_w")}};
}

// The inputs h of one dimension with (h + pad) mod stride = phase: every stride-th, beginning at `first`. Their
// gradient is a convolution over gy with the kernel's taps first_tap, first_tap + tap_step, ..., the last one first.
struct Phase {
  int64_t first, first_tap, tap_step;
  Axis2d axis;

  LMSPT_INLINE int64_t tap(int64_t index) const { return first_tap + (axis.taps - 1 - index) * tap_step; }
};

LMSPT_INLINE Phase phase_of(const ConvAxis& conv, int64_t phase) {
  int64_t a = conv.stride, divisor = conv.dilation;
  while (a) {  // Euclid
    const int64_t rest = divisor % a;
    divisor = a;
    a = rest;
  }
  const int64_t tap_step = conv.stride / divisor;
  int64_t first_tap = 0;
  while (first_tap < tap_step && first_tap < conv.kernel && first_tap * conv.dilation % conv.stride != phase)
    ++first_tap;
  const bool met = first_tap < tap_step && first_tap < conv.kernel;
  const int64_t taps = met ? (conv.kernel - 1 - first_tap) / tap_step + 1 : 0;
  const int64_t first_row = conv.pad > phase ? (conv.pad - phase + conv.stride - 1) / conv.stride : 0;
  const int64_t first = first_row * conv.stride + phase - conv.pad;
  const int64_t count = first < conv.in ? (conv.in - 1 - first) / conv.stride + 1 : 0;
  const int64_t dilation = conv.dilation / divisor;
  const int64_t origin = first_row - (first_tap * conv.dilation - phase) / conv.stride - (taps - 1) * dilation;
  return {first, first_tap, tap_step, {conv.out, count, taps, 1, dilation, origin}};
}

}  // namespace lmspt

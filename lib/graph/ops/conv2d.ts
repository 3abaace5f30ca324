/** Two-dimensional convolution; x is (B, H, W, channels). */
import type { Value } from "../graph.js";

/** Each a pair for the height and the width, or one number for both. */
export interface Conv2dOptions {
  /** 1 by default, at most 1024. */
  readonly stride?: number | readonly [height: number, width: number];
  /** 1 by default. */
  readonly dilation?: number | readonly [height: number, width: number];
  /** Zeros on either side of x; none by default. */
  readonly pad?: number | readonly [height: number, width: number];
}

/**
 * y[b, h, w, o] = bias[o] + sum of weight[o, i, m, n] x[b, h * stride + m * dilation - pad, ..., i], the width likewise.
 * w (O, I, kh, kw), bias (O); y (B, H', W', O) with H' = floor((H + 2 pad - dilation (kh - 1) - 1) / stride) + 1.
 * Throws ERR_LMSPT_SHAPE where the kernel is larger than the padded x.
 */
export function conv2d(x: Value, w: Value, bias?: Value, options: Conv2dOptions = {}): Value {
  const [strideH, strideW] = pair(options.stride ?? 1);
  const [dilationH, dilationW] = pair(options.dilation ?? 1);
  const [padH, padW] = pair(options.pad ?? 0);
  return x.graph.apply("conv2d", [x, w, bias], {
    stride_h: strideH,
    stride_w: strideW,
    dilation_h: dilationH,
    dilation_w: dilationW,
    pad_h: padH,
    pad_w: padW,
  })[0]!;
}

function pair(option: number | readonly [number, number]): readonly [number, number] {
  return typeof option === "number" ? [option, option] : option;
}

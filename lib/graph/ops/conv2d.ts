/** Two-dimensional convolution; x is (B, H, W, channels). */
import { checkOptions } from "../../arguments.js";
import { invalidArgument } from "../../errors.js";
import type { Value } from "../graph.js";
import { record } from "./record.js";

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
  const { stride = 1, dilation = 1, pad = 0 } = checkOptions(options);
  const [strideH, strideW] = pair("stride", stride);
  const [dilationH, dilationW] = pair("dilation", dilation);
  const [padH, padW] = pair("pad", pad);
  return record("conv2d", [x, w, bias], {
    stride_h: strideH,
    stride_w: strideW,
    dilation_h: dilationH,
    dilation_w: dilationW,
    pad_h: padH,
    pad_w: padW,
  });
}

function pair(name: string, option: number | readonly [number, number]): readonly [number, number] {
  if (Array.isArray(option) && option.length === 2) return option as [number, number];
  if (typeof option !== "number") throw invalidArgument(name, "a number or a pair of numbers", option);
  return [option, option];
}

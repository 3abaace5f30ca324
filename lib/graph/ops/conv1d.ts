/** One-dimensional convolutions; x is (B, T, channels). */
import { checkOptions } from "../../arguments.js";
import type { Value } from "../graph.js";
import { exactPrecision, record } from "./record.js";

export interface Conv1dOptions {
  readonly stride?: number;
  readonly dilation?: number;
  readonly groups?: number;
  /** Rows of zeros before and after x; a negative `padRight` drops rows. */
  readonly padLeft?: number;
  readonly padRight?: number;
  /** Rows of the result, instead of what the padding gives; rows of x that are not there count as zeros. */
  readonly length?: number;
}

export interface Conv1dAlgorithm {
  /**
   * Compute by the fast algorithm F(4, 4), in blocks of `4 * dilation` rows, where the device has it: half the
   * multiplications for seven taps, about twice the rounding error of direct summation. A row's bits then depend on all
   * rows of its block. Stride 1 and groups 1 only.
   */
  readonly winograd?: boolean;
  /** Compute in float32 whatever the plan's precision. */
  readonly exact?: boolean;
}

/**
 * y[b, t, o] = bias[o] + sum of w[o, i, j] x[b, t * stride + j * dilation - padLeft, i].
 * w (O, I / groups, k), bias (O); y (B, floor((T + padLeft + padRight - dilation (k - 1) - 1) / stride) + 1, O).
 */
export function conv1d(x: Value, w: Value, bias?: Value, options: Conv1dOptions & Conv1dAlgorithm = {}): Value {
  const { winograd, exact } = options;
  return record("conv1d", [x, w, bias], { ...attributes(options), winograd, precision: exactPrecision(exact) });
}

/**
 * The transpose of conv1d: y[b, q * stride + j * dilation - padLeft, o] gathers w[i, o, j] x[b, q, i].
 * w (I, O / groups, k), bias (O); y (B, (T - 1) stride + dilation (k - 1) + 1 - padLeft - padRight, O): here the padding
 * is what is trimmed. With a stride above 1, the dilation must be 1.
 */
export function convTranspose1d(x: Value, w: Value, bias?: Value, options: Conv1dOptions = {}): Value {
  return record("conv_transpose1d", [x, w, bias], attributes(options));
}

function attributes(options: Conv1dOptions) {
  const { stride, dilation, groups, padLeft, padRight, length } = checkOptions(options);
  return { stride, dilation, groups, pad_left: padLeft, pad_right: padRight, length };
}

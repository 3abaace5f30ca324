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
  /** Where x holds items of different lengths. */
  readonly items?: ItemRows;
}

/**
 * Items of different lengths, one after the other in x (1, frames * frameRows, channels). The result has each item's rows,
 * with the bits that they have of the item alone, in as many frames. What a frame has beyond them, and what lies behind
 * the last item, is arbitrary. There is no gradient.
 */
export interface ItemRows {
  /** (items), i32: the frame behind each item's last, in ascending order. An item begins where the one before ends. */
  readonly ends: Value;
  /** Rows of x in a frame: a multiple of the stride of conv1d. */
  readonly frameRows: number;
  /** Rows at the end of each item's frames that are not there and count as zeros; 0 by default. */
  readonly missing?: number;
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
  const { winograd, exact, items } = options;
  const attrs = { ...attributes(options), winograd, precision: exactPrecision(exact) };
  return record("conv1d", [x, w, bias, ...(items ? [undefined, undefined, items.ends] : [])], attrs);
}

/**
 * The transpose of conv1d: y[b, q * stride + j * dilation - padLeft, o] gathers w[i, o, j] x[b, q, i].
 * w (I, O / groups, k), bias (O); y (B, (T - 1) stride + dilation (k - 1) + 1 - padLeft - padRight, O): here the padding
 * is what is trimmed. With a stride above 1, the dilation must be 1.
 */
export function convTranspose1d(x: Value, w: Value, bias?: Value, options: Conv1dOptions = {}): Value {
  const { items } = options;
  return record("conv_transpose1d", [x, w, bias, ...(items ? [items.ends] : [])], attributes(options));
}

function attributes(options: Conv1dOptions) {
  const { stride, dilation, groups, padLeft, padRight, length, items } = checkOptions(options);
  const { frameRows, missing } = items ?? {};
  const padding = { pad_left: padLeft, pad_right: padRight, length };
  return { stride, dilation, groups, ...padding, frame_rows: frameRows, missing };
}

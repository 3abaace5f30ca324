/** Matrix products. */
import { checkOptions, TRUE_OR_FALSE } from "../../arguments.js";
import type { Value } from "../graph.js";
import { exactPrecision, record } from "./record.js";

/** y = x w^T + bias; x (..., I), w (O, I), bias (O), y (..., O). `exact`: in float32 whatever the plan's precision. */
export function linear(x: Value, w: Value, bias?: Value, options: { readonly exact?: boolean } = {}): Value {
  const { exact } = checkOptions(options, { exact: TRUE_OR_FALSE });
  return record("linear", [x, w, bias], { precision: exactPrecision(exact) });
}

/**
 * a (..., M, K) times b (..., K, N), either transposed where asked. A matrix b is shared by all leading dimensions of a.
 */
export function matmul(a: Value, b: Value, options: { transposeA?: boolean; transposeB?: boolean } = {}): Value {
  const { transposeA = false, transposeB = false } = checkOptions(options, {
    transposeA: TRUE_OR_FALSE,
    transposeB: TRUE_OR_FALSE,
  });
  return record("matmul", [a, b], { transpose_a: transposeA, transpose_b: transposeB });
}

/** Matrix products. */
import type { Value } from "../graph.js";

/** y = x w^T + bias; x (..., I), w (O, I), bias (O), y (..., O). */
export function linear(x: Value, w: Value, bias?: Value): Value {
  return x.graph.apply("linear", [x, w, bias])[0]!;
}

/**
 * a (..., M, K) times b (..., K, N), either transposed where asked. A matrix b is shared by all leading dimensions of a.
 */
export function matmul(a: Value, b: Value, options: { transposeA?: boolean; transposeB?: boolean } = {}): Value {
  const attributes = { transpose_a: options.transposeA ?? false, transpose_b: options.transposeB ?? false };
  return a.graph.apply("matmul", [a, b], attributes)[0]!;
}

/** Scaled dot-product attention. */
import { invalidArgument } from "../../errors.js";
import type { Value } from "../graph.js";

export interface AttentionOptions {
  /** Query i sees the keys j <= i + Tk - Tq only: the last query sees all. Needs at least as many keys as queries. */
  readonly causal?: boolean;
  /** Factor of the scores before the softmax; 1 / sqrt(D) by default. Not 0. */
  readonly scale?: number;
}

/**
 * softmax(scale q k^T) v for every head; q (B, Tq, H, D), k and v (B, Tk, G, D), the result (B, Tq, H, D). H is a
 * multiple of G: H / G neighbouring heads of q share one of k and v. Memory grows with Tk, not with Tq * Tk.
 */
export function attention(q: Value, k: Value, v: Value, options: AttentionOptions = {}): Value {
  if (options.scale === 0) throw invalidArgument("scale", "a number other than 0", options.scale);
  return q.graph.apply("attention", [q, k, v], { causal: options.causal ?? false, scale: options.scale })[0]!;
}

/** Scaled dot-product attention. */
import { checkOptions, TRUE_OR_FALSE } from "../../arguments.js";
import { invalidArgument } from "../../errors.js";
import type { Value } from "../graph.js";
import { exactPrecision, record } from "./record.js";

export interface AttentionOptions {
  /** Query i sees the keys j <= i + Tk - Tq only: the last query sees all. Needs at least as many keys as queries. */
  readonly causal?: boolean;
  /** Factor of the scores before the softmax; 1 / sqrt(D) by default. Finite and not 0. */
  readonly scale?: number;
  /** In float32 whatever the plan's precision, as it always is on the CPU. */
  readonly exact?: boolean;
}

/**
 * softmax(scale q k^T) v for every head; q (B, Tq, H, D), k and v (B, Tk, G, D), the result (B, Tq, H, D). H is a
 * multiple of G: H / G neighbouring heads of q share one of k and v. Memory grows with Tk, not with Tq * Tk.
 */
export function attention(q: Value, k: Value, v: Value, options: AttentionOptions = {}): Value {
  const { causal = false, scale, exact } = checkOptions(options, { exact: TRUE_OR_FALSE });
  if (scale !== undefined && (scale === 0 || !Number.isFinite(scale))) {
    throw invalidArgument("scale", "a finite number other than 0", scale);
  }
  return record("attention", [q, k, v], { causal, scale, precision: exactPrecision(exact) });
}

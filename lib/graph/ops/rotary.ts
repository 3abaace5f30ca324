/** Rotary position embedding. */
import { checkOptions } from "../../arguments.js";
import { invalidArgument } from "../../errors.js";
import type { Value } from "../graph.js";
import { record } from "./record.js";

export interface RotaryOptions {
  /** Where every row stands: (T) or (B, T) of type i32; 0, 1, 2 ... by default. */
  readonly positions?: Value;
  /** Pair i of D / 2 turns by base^(-2 i / D) from one position to the next; 10000 by default. */
  readonly base?: number;
  /** Pairs are neighbouring features, as in GPT-J; by default one of each half, as in GPT-NeoX and Llama. */
  readonly interleaved?: boolean;
}

/**
 * Rotates pairs of features of queries or keys x (B, T, heads, D) by angles that grow with the position. After it,
 * products of queries and keys depend on how far apart they stand. D is even.
 */
export function rotary(x: Value, options: RotaryOptions = {}): Value {
  const { positions, base, interleaved } = checkOptions(options);
  if (base !== undefined && !(base > 0 && Number.isFinite(base))) {
    throw invalidArgument("base", "a finite number above 0", base);
  }
  return record("rotary", [x, positions], { base, interleaved });
}

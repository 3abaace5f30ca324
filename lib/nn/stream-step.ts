/**
 * Recording one step of a stream: causal layers get the rows that came before from inputs of the plan, and give back the
 * rows that the next step needs as outputs of the same names. A stream that begins has zeros there.
 */
import { LmsptError } from "../errors.js";
import type { Value } from "../graph/graph.js";
import { concat, slice } from "../graph/ops/index.js";

export class StreamStep {
  private readonly remembered: Record<string, Value> = {};

  /** x (B, T, C) behind the `rows` rows that came before it; the last `rows` of both are kept for the next step. */
  continue(x: Value, rows: number): Value {
    if (rows === 0) return x;
    const [batch, , channels] = x.shape as [number, number, number];
    const name = `past ${Object.keys(this.remembered).length}`;
    const joined = concat([x.graph.input(name, [batch, rows, channels]), x], 1);
    this.remembered[name] = slice(joined, 1, joined.dim(1) - rows, rows);
    return joined;
  }

  /** Outputs of the plan: what the next step gets as inputs, by name. */
  get outputs(): Readonly<Record<string, Value>> {
    return this.remembered;
  }
}

/** For layers that read rows to come. */
export function notCausal(): LmsptError {
  return new LmsptError(
    "ERR_LMSPT_UNSUPPORTED",
    "Expected causal layers for a step of a stream, but this one reads rows to come; compute the whole sequence",
  );
}

/** Reductions over dimensions; sums are accumulated in double precision, in a fixed order. */
import { AN_ARRAY, checkOptions, TRUE_OR_FALSE } from "../../arguments.js";
import type { Value } from "../graph.js";
import { reshape } from "./layout.js";
import { record, requireValue } from "./record.js";

/** The dimensions to reduce (all by default), and whether they stay as 1. */
export interface Reduction {
  readonly axes?: readonly number[];
  readonly keep?: boolean;
}

export const sum = (x: Value, reduction: Reduction = {}): Value => reduce("sum", x, reduction);
export const mean = (x: Value, reduction: Reduction = {}): Value => reduce("mean", x, reduction);
/** The gradient is shared evenly among equal maxima; where the axes are no neighbours, group by group. */
export const max = (x: Value, reduction: Reduction = {}): Value => reduce("max", x, reduction);

function reduce(op: string, operand: Value, reduction: Reduction): Value {
  const x = requireValue(op, operand);
  const { axes, keep } = checkOptions(reduction, { axes: AN_ARRAY, keep: TRUE_OR_FALSE });
  const chosen = axes?.map((axis) => x.axis(axis));
  const reduced = x.shape.map((_, i) => chosen?.includes(i) ?? true);
  let result = x;
  for (let last = reduced.length - 1; last >= 0; last--) {
    if (!reduced[last]) continue;
    let first = last;
    while (first > 0 && reduced[first - 1]) first--;
    result = record(op, [result], { first, last, keep: true });
    last = first;
  }
  return keep
    ? result
    : reshape(
        result,
        x.shape.filter((_, i) => !reduced[i]),
      );
}

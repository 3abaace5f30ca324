/** Reductions over dimensions; sums are accumulated in double precision, in a fixed order. */
import type { Value } from "../graph.js";
import { positive, reshape } from "./layout.js";

/** The dimensions to reduce (all by default), and whether they stay as 1. */
export interface Reduction {
  readonly axes?: readonly number[];
  readonly keep?: boolean;
}

export const sum = (x: Value, reduction: Reduction = {}): Value => reduce("sum", x, reduction);
export const mean = (x: Value, reduction: Reduction = {}): Value => reduce("mean", x, reduction);
/** The gradient is shared evenly among equal maxima; where the axes are no neighbours, group by group. */
export const max = (x: Value, reduction: Reduction = {}): Value => reduce("max", x, reduction);

function reduce(op: string, x: Value, { axes, keep }: Reduction): Value {
  const reduced = x.shape.map((_, i) => axes === undefined || axes.some((axis) => positive(x, axis) === i));
  let result = x;
  for (let last = reduced.length - 1; last >= 0; last--) {
    if (!reduced[last]) continue;
    let first = last;
    while (first > 0 && reduced[first - 1]) first--;
    result = x.graph.apply(op, [result], { first, last, keep: true })[0]!;
    last = first;
  }
  return keep
    ? result
    : reshape(
        result,
        x.shape.filter((_, i) => !reduced[i]),
      );
}

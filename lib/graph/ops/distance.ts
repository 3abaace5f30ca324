/** How far two tensors are apart. */
import type { Value } from "../graph.js";
import { record } from "./record.js";

/** The mean of |a - b| over all elements of a and b, which have one shape: a scalar. */
export function l1Distance(a: Value, b: Value): Value {
  return record("l1_distance", [a, b]);
}

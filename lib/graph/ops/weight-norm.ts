import type { Value } from "../graph.js";
import { record } from "./record.js";

/** w = g v / ||v||, the norm over all dimensions but the first; v (N, ...), g with N values. */
export function weightNorm(v: Value, g: Value): Value {
  return record("weight_norm", [v, g]);
}

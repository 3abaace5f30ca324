import type { Value } from "../graph.js";
import { record } from "./record.js";

/** Snake: x + sin^2(alpha x) / (alpha + 1e-9); x (..., C), alpha (C). */
export function snake(x: Value, alpha: Value): Value {
  return record("snake", [x, alpha]);
}

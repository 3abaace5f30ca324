/** Operations that move elements without changing them. */
import { AN_ARRAY, oneOf, requireKind } from "../../arguments.js";
import type { Value } from "../graph.js";
import { record, requireValue } from "./record.js";

/** The same elements under another shape of as many elements; free of cost. */
export function reshape(x: Value, shape: readonly number[]): Value {
  return record("reshape", [x], { shape });
}

/** Dimension i of the result is dimension order[i] of x. */
export function transpose(x: Value, order: readonly number[]): Value {
  return record("transpose", [x], { order });
}

/** `length` elements along `axis` from `start`. */
export function slice(x: Value, axis: number, start: number, length: number): Value {
  return record("slice", [x], { axis: requireValue("slice", x).axis(axis), start, length });
}

/** Joins up to 64 values along `axis`. */
export function concat(values: readonly Value[], axis: number): Value {
  requireKind("the operands of concat", AN_ARRAY, values);
  return record("concat", values, { axis: requireValue("concat", values[0]).axis(axis) });
}

/** Adds elements along `axis`: zeros, or the neighbouring ones mirrored at the border (the border itself once). */
export function pad(x: Value, axis: number, before: number, after: number, mode: "zeros" | "reflect" = "zeros"): Value {
  requireKind("the mode of pad", oneOf("zeros", "reflect"), mode);
  return record("pad", [x], { axis: requireValue("pad", x).axis(axis), before, after, reflect: mode === "reflect" });
}

/** To the nearest integer, halves to even; of type i32. */
export function toInteger(x: Value): Value {
  return record("to_integer", [x]);
}

/** Repeats dimensions of length 1 (and missing leading ones) to reach `shape`. */
export function broadcastTo(x: Value, shape: readonly number[]): Value {
  return record("broadcast_to", [x], { shape });
}

/** x itself, through which no gradient passes. */
export function stopGradient(x: Value): Value {
  return record("stop_gradient", [x]);
}

/** Operations that move elements without changing them. */
import type { Value } from "../graph.js";

/** The same elements under another shape of as many elements; free of cost. */
export function reshape(x: Value, shape: readonly number[]): Value {
  return x.graph.apply("reshape", [x], { shape })[0]!;
}

/** Dimension i of the result is dimension order[i] of x. */
export function transpose(x: Value, order: readonly number[]): Value {
  return x.graph.apply("transpose", [x], { order })[0]!;
}

/** `length` elements along `axis` from `start`. */
export function slice(x: Value, axis: number, start: number, length: number): Value {
  return x.graph.apply("slice", [x], { axis: positive(x, axis), start, length })[0]!;
}

/** Joins up to 64 values along `axis`. */
export function concat(values: readonly Value[], axis: number): Value {
  return values[0]!.graph.apply("concat", values, { axis: positive(values[0]!, axis) })[0]!;
}

/** Adds elements along `axis`: zeros, or the neighbouring ones mirrored at the border (the border itself once). */
export function pad(x: Value, axis: number, before: number, after: number, mode: "zeros" | "reflect" = "zeros"): Value {
  return x.graph.apply("pad", [x], { axis: positive(x, axis), before, after, reflect: mode === "reflect" })[0]!;
}

/** To the nearest integer, halves to even; of type i32. */
export function toInteger(x: Value): Value {
  return x.graph.apply("to_integer", [x])[0]!;
}

/** Repeats dimensions of length 1 (and missing leading ones) to reach `shape`. */
export function broadcastTo(x: Value, shape: readonly number[]): Value {
  return x.graph.apply("broadcast_to", [x], { shape })[0]!;
}

/** x itself, through which no gradient passes. */
export function stopGradient(x: Value): Value {
  return x.graph.apply("stop_gradient", [x])[0]!;
}

/** A dimension's index from 0, from one that may count from the end. */
export function positive(x: Value, axis: number): number {
  return axis < 0 ? axis + x.shape.length : axis;
}

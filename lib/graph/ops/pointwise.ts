/** Elementwise operations. Those of two values broadcast as NumPy does: shapes aligned at the right, 1 repeats. */
import { invalidArgument } from "../../errors.js";
import { Value } from "../graph.js";
import { record, requireValue } from "./record.js";

/** A value, or a number that is repeated. */
export type Operand = Value | number;

function unary(op: string, x: Value, a = 0, b = 0): Value {
  return record(op, [x], { a, b });
}

function binary(op: string, x: Operand, y: Operand): Value {
  const { graph } = requireValue(op, x instanceof Value ? x : y);
  const value = (operand: Operand) => {
    if (operand instanceof Value) return operand;
    if (typeof operand === "number") return graph.constant(operand);
    throw invalidArgument(`an operand of ${op}`, "a Value or a number", operand);
  };
  return record(op, [value(x), value(y)]);
}

export const add = (x: Operand, y: Operand): Value => binary("add", x, y);
export const sub = (x: Operand, y: Operand): Value => binary("sub", x, y);
export const mul = (x: Operand, y: Operand): Value => binary("mul", x, y);
export const div = (x: Operand, y: Operand): Value => binary("div", x, y);
/** The larger, or `y` where either is NaN; where both are equal, the gradient goes to `x`. */
export const maximum = (x: Operand, y: Operand): Value => binary("maximum", x, y);
/** The smaller, or `y` where either is NaN; where both are equal, the gradient goes to `x`. */
export const minimum = (x: Operand, y: Operand): Value => binary("minimum", x, y);
/** 1 where x >= y, else 0; its gradient is zero. */
export const greaterEqual = (x: Operand, y: Operand): Value => binary("greater_equal", x, y);

export const neg = (x: Value): Value => unary("neg", x);
export const abs = (x: Value): Value => unary("abs", x);
/** -1, 0 or 1; its gradient is zero. */
export const sign = (x: Value): Value => unary("sign", x);
/** To the nearest integer, halves to even; its gradient is zero. */
export const round = (x: Value): Value => unary("round", x);
export const square = (x: Value): Value => unary("square", x);
export const sqrt = (x: Value): Value => unary("sqrt", x);
export const exp = (x: Value): Value => unary("exp", x);
/** Natural logarithm. */
export const log = (x: Value): Value => unary("log", x);
export const tanh = (x: Value): Value => unary("tanh", x);
export const sigmoid = (x: Value): Value => unary("sigmoid", x);
/** x * sigmoid(x). */
export const silu = (x: Value): Value => unary("silu", x);
/** x times the normal distribution function of x (the exact form, not tanh's). */
export const gelu = (x: Value): Value => unary("gelu", x);
/** x where positive, else slope * x. */
export const leakyRelu = (x: Value, slope = 0.1): Value => unary("leaky_relu", x, slope);
/** Limits to [low, high]; the gradient is zero outside. */
export const clamp = (x: Value, low = -Infinity, high = Infinity): Value => unary("clamp", x, low, high);
/** x * scale + shift. */
export const affine = (x: Value, scale: number, shift = 0): Value => unary("affine", x, scale, shift);

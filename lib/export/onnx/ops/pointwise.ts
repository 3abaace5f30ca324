/** Elementwise operations: they go on in the layout that their operands are in. */
import type { SymbolicNode } from "../../symbolic-graph.js";
import type { OnnxGraphBuilder } from "../graph-builder.js";
import type { Layout, Translation, Translator } from "../translation.js";

/** Adds the nodes of an operation on one value, whose attributes are `a` and `b`. */
type Unary = (onnx: OnnxGraphBuilder, x: string, a: number, b: number) => string;

const scalar = (onnx: OnnxGraphBuilder, value: number) => onnx.tensor("scalar", Float32Array.of(value), []);

const plain =
  (opType: string): Unary =>
  (onnx, x) =>
    onnx.node(opType, [x]);

const gelu: Unary = (onnx, x) => {
  const erf = onnx.node("Erf", [onnx.node("Mul", [x, scalar(onnx, Math.SQRT1_2)])]);
  const doubled = onnx.node("Mul", [x, onnx.node("Add", [erf, scalar(onnx, 1)])]);
  return onnx.node("Mul", [doubled, scalar(onnx, 0.5)]);
};

const UNARY: Readonly<Record<string, Unary>> = {
  neg: plain("Neg"),
  abs: plain("Abs"),
  sign: plain("Sign"),
  round: plain("Round"),
  square: (onnx, x) => onnx.node("Mul", [x, x]),
  sqrt: plain("Sqrt"),
  exp: plain("Exp"),
  log: plain("Log"),
  tanh: plain("Tanh"),
  sigmoid: plain("Sigmoid"),
  silu: (onnx, x) => onnx.node("Mul", [x, onnx.node("Sigmoid", [x])]),
  gelu,
  leaky_relu: (onnx, x, slope) => onnx.node("LeakyRelu", [x], { alpha: { float: slope } }),
  clamp: (onnx, x, low, high) => onnx.node("Clip", [x, scalar(onnx, low), scalar(onnx, high)]),
  affine: (onnx, x, scale, shift) =>
    onnx.node("Add", [onnx.node("Mul", [x, scalar(onnx, scale)]), scalar(onnx, shift)]),
  stop_gradient: plain("Identity"),
};

const BINARY: Readonly<Record<string, string>> = {
  add: "Add",
  sub: "Sub",
  mul: "Mul",
  div: "Div",
  maximum: "Max",
  minimum: "Min",
};

const unary =
  (operation: Unary): Translator =>
  (node, translation) => {
    const id = node.inputs[0]!;
    const layout: Layout = translation.isChannelsFirst(id) ? "channels-first" : "recorded";
    const x = translation.get(id, layout);
    const result = operation(translation.onnx, x, node.number("a"), node.number("b"));
    translation.set(node.outputs[0]!, layout, result);
  };

const binary =
  (opType: string): Translator =>
  (node, translation) => {
    const ids = node.inputs as readonly number[];
    const layout = commonLayout(ids, translation);
    const operands = ids.map((id) => operand(id, layout, translation));
    translation.set(node.outputs[0]!, layout, translation.onnx.node(opType, operands));
  };

/** 1 where x >= y, else 0. */
const greaterEqual: Translator = (node, translation) => {
  const compared = translation.onnx.node("GreaterOrEqual", operandsAsRecorded(node, translation));
  translation.set(node.outputs[0]!, "recorded", translation.onnx.node("Cast", [compared], { to: 1 }));
};

function operandsAsRecorded(node: SymbolicNode, translation: Translation): string[] {
  return node.inputs.map((id) => translation.get(id!, "recorded"));
}

/** Channels-first where a signal already is, and all operands can be: signals, vectors of channels and numbers. */
function commonLayout(ids: readonly number[], translation: Translation): Layout {
  const fits = (id: number) => {
    const rank = translation.graph.rank(id);
    return rank === 3 || (rank <= 1 && translation.constant(id) !== undefined);
  };
  return ids.some((id) => translation.isChannelsFirst(id)) && ids.every(fits) ? "channels-first" : "recorded";
}

function operand(id: number, layout: Layout, translation: Translation): string {
  const constant = translation.constant(id);
  if (layout === "recorded" || !constant || translation.graph.rank(id) !== 1) {
    return translation.get(id, translation.graph.rank(id) === 3 ? layout : "recorded");
  }
  return translation.onnx.tensor(constant.name, constant.data, [constant.data.length, 1]);
}

const translated = <T>(table: Readonly<Record<string, T>>, translate: (entry: T) => Translator) =>
  Object.fromEntries(Object.entries(table).map(([op, entry]) => [op, translate(entry)]));

export const POINTWISE: Readonly<Record<string, Translator>> = {
  ...translated(UNARY, unary),
  ...translated(BINARY, binary),
  greater_equal: greaterEqual,
};

/** Operations that move elements. What they say about dimensions is put so that it holds for every length. */
import type { SymbolicGraph, SymbolicNode } from "../../symbolic-graph.js";
import type { Attribute } from "../graph-builder.js";
import type { Translation, Translator } from "../translation.js";

/** ONNX's mark for a range that reaches to the end of a dimension. */
const TO_THE_END = Number.MAX_SAFE_INTEGER;

/** An operation that becomes one node of inputs as recorded, with more inputs of integers. */
const single =
  (
    opType: string,
    more: (node: SymbolicNode, graph: SymbolicGraph) => readonly (readonly number[])[],
    attributes: (node: SymbolicNode) => Readonly<Record<string, Attribute>> = () => ({}),
  ): Translator =>
  (node, translation) => {
    const { onnx, graph } = translation;
    const inputs = node.inputs.map((id) => translation.get(id!, "recorded"));
    const integers = more(node, graph).map((list) => onnx.integers(...list));
    translation.set(node.outputs[0]!, "recorded", onnx.node(opType, [...inputs, ...integers], attributes(node)));
  };

const allEqual = (values: readonly number[]) => values.every((value) => value === values[0]);
const same = (a: readonly number[], b: readonly number[]) => a.every((value, i) => value === b[i]);

/** A dimension is a fixed number, or that of the input at the same place (0), or, for one of them, the rest (-1). */
function reshapeTarget(node: SymbolicNode, graph: SymbolicGraph): number[] {
  const [x, y] = [node.inputs[0]!, node.outputs[0]!];
  const target = Array.from({ length: graph.rank(y) }, (_, axis) => {
    const wanted = graph.dimension(y, axis);
    if (allEqual(wanted)) return wanted[0]!;
    return axis < graph.rank(x) && same(wanted, graph.dimension(x, axis)) ? 0 : -1;
  });
  if (target.filter((size) => size === -1).length > 1) node.refuse("several of its dimensions depend on the length");
  return target;
}

/** A dimension is a fixed number, or stays as it is (1). */
function expandTarget(node: SymbolicNode, graph: SymbolicGraph): number[] {
  const [x, y] = [node.inputs[0]!, node.outputs[0]!];
  const missing = graph.rank(y) - graph.rank(x);
  return Array.from({ length: graph.rank(y) }, (_, axis) => {
    const wanted = graph.dimension(y, axis);
    if (axis >= missing && same(wanted, graph.dimension(x, axis - missing))) return 1;
    return allEqual(wanted) ? wanted[0]! : node.refuse("it repeats as often as the length says");
  });
}

/** Starts, ends and axes; an end is a fixed index, or one that counts from the end of the dimension. */
function sliceRange(node: SymbolicNode, graph: SymbolicGraph): number[][] {
  const [axis, start] = [node.number("axis"), node.number("start")];
  const ends = (node.attributes("length") as number[]).map((length) => start + length);
  const fromEnd = graph.dimension(node.inputs[0]!, axis).map((size, i) => ends[i]! - size);
  if (allEqual(ends)) return [[start], [ends[0]!], [axis]];
  if (!allEqual(fromEnd)) node.refuse("its range is neither fixed nor counted from the end");
  return [[start], [fromEnd[0] === 0 ? TO_THE_END : fromEnd[0]!], [axis]];
}

function padding(node: SymbolicNode, graph: SymbolicGraph): number[] {
  const rank = graph.rank(node.inputs[0]!);
  const pads = new Array<number>(2 * rank).fill(0);
  pads[node.number("axis")] = node.number("before");
  pads[rank + node.number("axis")] = node.number("after");
  return pads;
}

const toInteger: Translator = (node, translation: Translation) => {
  const rounded = translation.onnx.node("Round", [translation.get(node.inputs[0]!, "recorded")]);
  translation.set(node.outputs[0]!, "recorded", translation.onnx.node("Cast", [rounded], { to: 7 }));
};

export const LAYOUT: Readonly<Record<string, Translator>> = {
  reshape: single("Reshape", (node, graph) => [reshapeTarget(node, graph)]),
  broadcast_to: single("Expand", (node, graph) => [expandTarget(node, graph)]),
  slice: single("Slice", sliceRange),
  pad: single(
    "Pad",
    (node, graph) => [padding(node, graph)],
    (node) => ({ mode: node.number("reflect") === 1 ? "reflect" : "constant" }),
  ),
  concat: single(
    "Concat",
    () => [],
    (node) => ({ axis: node.number("axis") }),
  ),
  transpose: single(
    "Transpose",
    () => [],
    (node) => ({ perm: node.numbers("order") }),
  ),
  to_integer: toInteger,
};

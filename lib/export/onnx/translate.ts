/** From a recorded computation to an ONNX graph of standard operators, for any batch size and length. */
import { LmsptError } from "../../errors.js";
import type { Device } from "../../graph/device.js";
import type { Variable } from "../../graph/variable.js";
import { type Recording, type Size, SymbolicGraph } from "../symbolic-graph.js";
import { foldConstants } from "./constants.js";
import { type ElementType, OnnxGraphBuilder } from "./graph-builder.js";
import { CODEBOOK, REDUCTION } from "./ops/codebook.js";
import { CONVOLUTION } from "./ops/convolution.js";
import { LAYOUT } from "./ops/layout.js";
import { POINTWISE } from "./ops/pointwise.js";
import { Translation, type Translator } from "./translation.js";

const TRANSLATORS: Readonly<Record<string, Translator>> = {
  ...CONVOLUTION,
  ...POINTWISE,
  ...LAYOUT,
  ...CODEBOOK,
  ...REDUCTION,
};

/**
 * A signal on the border of a model. The graph has it as (batch, rows, channels), ONNX as (batch, channels, rows), and
 * integers as int64.
 */
export interface SignalPort {
  readonly name: string;
  readonly channels: number;
  /** What ONNX calls the number of rows. */
  readonly rows: string;
  /** Inputs: zeros at the end complete the rows to a multiple of this; 1 by default. */
  readonly multipleOf?: number;
}

export interface Computation {
  readonly input: SignalPort;
  readonly output: SignalPort;
  record(size: Size): Recording;
}

/** Throws ERR_LMSPT_UNSUPPORTED for operations and shapes that have no translation. */
export async function translate(
  { input, output, record }: Computation,
  device: Device,
  names: ReadonlyMap<Variable, string>,
): Promise<OnnxGraphBuilder> {
  const graph = SymbolicGraph.record(record);
  const constants = await foldConstants(graph, device, names);
  const onnx = new OnnxGraphBuilder();
  const translation = new Translation(graph, onnx, constants);
  for (const node of graph.nodes) {
    const { sample } = node;
    const result = node.outputs[0]!;
    if (graph.isConstant(result)) continue;
    if (sample.kind === "input") {
      if (sample.name !== input.name) node.refuse(`the only input is ${input.name}, but there is ${sample.name}`);
      translation.set(result, "channels-first", addInput(onnx, input, elementOf(graph, result)));
    }
    if (sample.kind === "op") translatorOf(sample.op)(node, translation);
  }
  const dims = ["batch", output.channels, output.rows];
  const result = translation.get(graph.output, "channels-first");
  onnx.output(output.name, result, elementOf(graph, graph.output), dims);
  return onnx;
}

function elementOf(graph: SymbolicGraph, id: number): ElementType {
  return graph.dtype(id) === "f32" ? "float" : "int64";
}

function translatorOf(op: string): Translator {
  const translator = Object.hasOwn(TRANSLATORS, op) ? TRANSLATORS[op] : undefined;
  if (translator) return translator;
  throw new LmsptError("ERR_LMSPT_UNSUPPORTED", `The operation ${op} has no translation to ONNX`);
}

/** Adds an input; where its rows have to be a multiple of a number, the zeros that are missing are counted in the graph. */
function addInput(
  onnx: OnnxGraphBuilder,
  { name, channels, rows, multipleOf = 1 }: SignalPort,
  type: ElementType,
): string {
  const input = onnx.input(name, type, ["batch", channels, rows]);
  if (multipleOf === 1) return input;
  const length = onnx.node("Shape", [input], { start: 2, end: 3 });
  const missing = onnx.node("Mod", [onnx.node("Neg", [length]), onnx.integers(multipleOf)]);
  const pads = onnx.node("Concat", [onnx.integers(0, 0, 0, 0, 0), missing], { axis: 0 });
  return onnx.node("Pad", [input, pads]);
}

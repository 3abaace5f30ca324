/** Small graphs on a device in a precision, and how precisions round. */
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import type { Data } from "../../lib/graph/native.js";
import type { Precision } from "../../lib/graph/precision.js";
import { toBf16 } from "../gemm/bf16-model.js";
import type { TensorData } from "../ops/support.js";

/** Rounds to ten bits of fraction, halves away from zero. */
function toTf32(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] = (bits[0]! + 0x1000) & 0xffffe000;
  return new Float32Array(bits.buffer)[0]!;
}

/** What becomes of an operand. */
export const ROUNDING: Readonly<Record<Precision, (value: number) => number>> = {
  fp32: (value) => value,
  bf16x3: (value) => toBf16(value) + toBf16(value - toBf16(value)),
  tf32: toTf32,
  bf16: toBf16,
};
export const PRECISIONS = Object.keys(ROUNDING) as Precision[];

/** A result, and the gradients of sum(result * gy), in a plan of the precision. */
export async function computeGradients<Names extends string>(
  device: Device,
  inputs: Readonly<Record<Names, TensorData>>,
  gy: Float32Array,
  precision: Precision,
  build: (values: Record<Names, Value>) => Value,
): Promise<{ y: Data; gradients: Record<Names, Data> }> {
  const graph = new Graph();
  const names = Object.keys(inputs) as Names[];
  const values = Object.fromEntries(names.map((name) => [name, graph.input(name, inputs[name].shape)])) as Record<
    Names,
    Value
  >;
  const y = build(values);
  const wanted = names.map((name) => values[name]);
  const gradients = graph.gradients([y], wanted, [graph.constant(gy, y.shape)]);
  const outputs = Object.fromEntries(gradients.map((value, i) => [`g${names[i]}`, value]));
  const plan = await graph.compile(device, { y, ...outputs }, [], { precision });
  const results: Record<string, Data> = await plan.run(
    Object.fromEntries(names.map((name) => [name, inputs[name].data])),
  );
  return {
    y: results.y!,
    gradients: Object.fromEntries(names.map((name) => [name, results[`g${name}`]])) as Record<Names, Data>,
  };
}

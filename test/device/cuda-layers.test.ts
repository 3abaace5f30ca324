/** What plans for CUDA join in Transformer layers, forward and backward, with the bits of the parts. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import * as ops from "../../lib/graph/ops/index.js";
import type { Precision } from "../../lib/graph/precision.js";
import { Variable } from "../../lib/graph/variable.js";
import { randomFloats, relativeDistance } from "../golden.js";
import { sizeOf } from "../ops/oracles.js";
import { openCuda, type Settings, withEnvironment } from "./cuda-device.js";
import { PRECISIONS } from "./cuda-precision.js";

interface Layer {
  readonly rows: readonly number[];
  readonly width: number;
  readonly inner: number;
  readonly norm: "layer" | "rms";
  /** Whether gradients of the weights are wanted, besides that of x. */
  readonly trained: boolean;
}

const names = ["query", "key", "value", "out", "wide", "narrow"] as const;

/** Two layers: x + out(q * k * v) of norm(x), then x + narrow(gelu(wide(norm(x)))); the result and its gradients. */
function record(graph: Graph, { rows, width, inner, norm, trained }: Layer): Record<string, Value> {
  let seed = 0;
  const weights: Value[] = [];
  const weight = (...shape: number[]) => {
    const data = randomFloats(sizeOf(shape), ++seed).map((value) => value / Math.sqrt(shape.at(-1)!));
    const value = graph.variable(Variable.from(data, shape, { frozen: !trained }));
    weights.push(value);
    return value;
  };
  const normed = (x: Value) =>
    norm === "layer" ? ops.layerNorm(x, weight(width), weight(width)) : ops.rmsNorm(x, weight(width));
  const linear = (x: Value, name: (typeof names)[number]) => {
    const [inputs, outputs] = [name === "narrow" ? inner : width, name === "wide" ? inner : width];
    return ops.linear(x, weight(outputs, inputs), name === "key" ? undefined : weight(outputs));
  };
  const x = graph.input("x", [...rows, width]);
  let y = x;
  for (let i = 0; i < 2; i++) {
    const h = normed(y);
    y = ops.add(y, linear(ops.mul(ops.mul(linear(h, "query"), linear(h, "key")), linear(h, "value")), "out"));
    y = ops.add(y, linear(ops.gelu(linear(normed(y), "wide")), "narrow"));
  }
  const loss = ops.mean(ops.square(y));
  const gradients = graph.gradients([loss], trained ? [x, ...weights] : [x]);
  return { y, ...Object.fromEntries(gradients.map((value, i) => [`g${i}`, value])) };
}

/** Compiles and runs it; settings are of the environment while it is compiled. */
async function run(device: Device, layer: Layer, precision: Precision, settings: Settings = {}) {
  const graph = new Graph();
  const outputs = record(graph, layer);
  const plan = await withEnvironment(settings, () => graph.compile(device, outputs, [], { precision }));
  const results = await plan.run({ x: randomFloats(sizeOf(plan.inputs[0]!.shape), 100) });
  plan.close();
  graph.close();
  return results as Record<string, Float32Array>;
}

/** The ops of a plan in bf16. */
async function stepsOf(device: Device, graph: Graph, outputs: Record<string, Value>): Promise<string[]> {
  const plan = await graph.compile(device, outputs, [], { precision: "bf16" });
  const inputs = plan.inputs.map(({ name, shape }, i) => [name, randomFloats(sizeOf(shape), i)]);
  const { steps } = await plan.trace(Object.fromEntries(inputs));
  plan.close();
  return steps.map(({ op }) => op).filter((op) => !op.startsWith("pack_"));
}

const FLOATS = { LMSPT_BF16_STORAGE: "0" };
const PARTS = { LMSPT_FUSED_LAYERS: "0" };

/** Rows of products in panels and in rows, of warps and of blocks. */
const layers: readonly Layer[] = [
  { rows: [2, 9], width: 24, inner: 50, norm: "layer", trained: true },
  { rows: [21], width: 33, inner: 20, norm: "rms", trained: false },
  { rows: [2, 35], width: 136, inner: 264, norm: "layer", trained: false },
  { rows: [3, 11], width: 136, inner: 144, norm: "rms", trained: true },
  { rows: [2], width: 1032, inner: 72, norm: "layer", trained: false },
];

describe("Transformer layers on CUDA", () => {
  let device: Device;
  before(() => {
    device = openCuda();
  });
  after(() => device.close());

  for (const precision of PRECISIONS) {
    it(`${precision}: have the bits of their parts`, async () => {
      for (const layer of layers) {
        const parts = await run(device, layer, precision, { ...FLOATS, ...PARTS });
        assert.deepEqual(await run(device, layer, precision, FLOATS), parts, JSON.stringify(layer));
      }
    });
  }

  it("are few steps", async () => {
    const graph = new Graph();
    const ops = await stepsOf(device, graph, record(graph, layers[0]!));
    const joined = [
      "gelu",
      "gelu_grad",
      "add",
      "layer_norm",
      "fused_add_layer_norm",
      "layer_norm_grad",
      "fused_linear",
    ];
    const count = (op: string) => ops.filter((other) => other === op).length;
    assert.deepEqual(joined.map(count), [0, 0, 0, 1, 3, 4, 15]);
  });

  it("store what lies between them as bf16 numbers, no less exactly", async () => {
    for (const layer of layers) {
      const exact = await run(device, layer, "fp32");
      const plain = await run(device, layer, "bf16", { ...FLOATS, ...PARTS });
      const stored = await run(device, layer, "bf16");
      for (const [name, wanted] of Object.entries(exact)) {
        const [most, least] = [stored, plain].map((results) => relativeDistance(results[name]!, wanted));
        assert(most! <= 3 * Math.max(least!, 2 ** -9), `${name}: ${most}, ${least}`);
      }
    }
  });

  it("leaves products and sums that others read", async () => {
    const graph = new Graph();
    const [x, w] = [graph.input("x", [5, 16]), graph.input("w", [16, 16])];
    const y = ops.linear(x, w);
    const z = ops.linear(y, w);
    const steps = await stepsOf(device, graph, { y, sum: ops.add(y, x), z, g: ops.gelu(z) });
    assert.deepEqual(steps, ["linear", "fused_linear", "add"]);
  });
});

/** LeakyReLU in the convolutions over images before it, on CUDA, forward and backward, with the bits of the parts. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import * as ops from "../../lib/graph/ops/index.js";
import type { Precision } from "../../lib/graph/precision.js";
import { randomFloats, relativeDistance } from "../golden.js";
import { sizeOf } from "../ops/oracles.js";
import { openCuda, type Settings, withEnvironment } from "./cuda-device.js";
import { PRECISIONS } from "./cuda-precision.js";

interface Stack {
  readonly x: readonly [batch: number, height: number, width: number, channels: number];
  readonly channels: readonly number[];
  readonly kernel: readonly [number, number];
  readonly options: ops.Conv2dOptions;
  /** Whether all feature maps are compared with others, or the scores alone. */
  readonly matched: boolean;
}

/** What a discriminator does: the loss and the gradients of x and of all weights. */
function record(graph: Graph, { x: shape, channels, kernel, options, matched }: Stack): Record<string, Value> {
  let seed = 0;
  const constant = (...shape: number[]) => graph.constant(randomFloats(sizeOf(shape), ++seed), shape);
  const x = graph.input("x", shape);
  const weights: Value[] = [];
  const weight = (...shape: number[]) => {
    const data = graph.input(`w${weights.length}`, shape);
    weights.push(data);
    return ops.affine(data, 2 / Math.sqrt(sizeOf(shape) / shape[0]!), 0);
  };
  let map = x;
  const terms: Value[] = [];
  for (const outputs of channels) {
    map = ops.leakyRelu(ops.conv2d(map, weight(outputs, map.shape[3]!, ...kernel), weight(outputs), options), 0.1);
    if (matched) terms.push(ops.l1Distance(map, constant(...map.shape)));
  }
  terms.push(ops.mean(ops.square(ops.conv2d(map, weight(1, map.shape[3]!, 3, 1), undefined, { pad: [1, 0] }))));
  const loss = terms.reduce((sum, term) => ops.add(sum, term));
  const gradients = graph.gradients([loss], [x, ...weights]);
  return { loss, ...Object.fromEntries(gradients.map((value, i) => [`g${i}`, value])) };
}

/** Compiles and traces it; settings are of the environment while it is compiled. */
async function trace(device: Device, stack: Stack, precision: Precision, settings: Settings = {}) {
  const graph = new Graph();
  const outputs = record(graph, stack);
  const plan = await withEnvironment(settings, () => graph.compile(device, outputs, [], { precision }));
  const inputs = plan.inputs.map(({ name, shape }, i) => [name, randomFloats(sizeOf(shape), 100 + i)] as const);
  const results = (await plan.run(Object.fromEntries(inputs))) as Record<string, Float32Array>;
  const { steps } = await plan.trace(Object.fromEntries(inputs));
  plan.close();
  graph.close();
  return { results, ops: steps.map(({ op }) => op) };
}

const count = (ops: readonly string[], op: string) => ops.filter((other) => other === op).length;

const FLOATS = { LMSPT_BF16_STORAGE: "0" };
const PARTS = { LMSPT_FUSED_LEAKY_RELU: "0" };

/** Products in panels, thin ones, in rows, of phases, and of phases without taps. */
const stacks: readonly Stack[] = [
  { x: [2, 40, 3, 1], channels: [16, 24], kernel: [5, 1], options: { stride: [3, 1], pad: [2, 0] }, matched: true },
  { x: [1, 5, 16, 2], channels: [32, 64, 64], kernel: [3, 9], options: { stride: [1, 2], pad: [1, 4] }, matched: true },
  { x: [1, 12, 9, 5], channels: [7, 9], kernel: [3, 3], options: { pad: 1 }, matched: false },
  { x: [2, 9, 1, 8], channels: [128, 136], kernel: [5, 1], options: { stride: [2, 1], pad: [2, 0] }, matched: true },
  { x: [1, 17, 13, 4], channels: [8, 8], kernel: [2, 2], options: { stride: [3, 3], pad: 1 }, matched: true },
];

describe("LeakyReLU after convolutions over images on CUDA", () => {
  let device: Device;
  before(() => {
    device = openCuda();
  });
  after(() => device.close());

  for (const precision of PRECISIONS) {
    it(`${precision}: has the bits of its parts`, async () => {
      for (const stack of stacks) {
        const parts = await trace(device, stack, precision, { ...FLOATS, ...PARTS });
        const { results } = await trace(device, stack, precision, FLOATS);
        assert.deepEqual(results, parts.results, JSON.stringify(stack));
      }
    });
  }

  it("is no step of its own, nor is its gradient, nor are sums of gradients before it", async () => {
    for (const stack of stacks) {
      const [joined, parts] = [
        (await trace(device, stack, "bf16")).ops,
        (await trace(device, stack, "bf16", PARTS)).ops,
      ];
      const layers = stack.channels.length;
      for (const op of ["leaky_relu", "leaky_relu_grad"]) {
        assert.deepEqual([count(joined, op), count(parts, op)], [0, layers], op);
      }
      assert.equal(count(parts, "add") - count(joined, "add"), stack.matched ? layers : 0);
      for (const op of ["conv2d", "conv2d_input_grad"]) assert.equal(count(joined, op), layers + 1, op);
    }
  });

  it("stores what lies between as bf16 numbers, no less exactly", async () => {
    for (const stack of stacks) {
      const exact = (await trace(device, stack, "fp32")).results;
      const plain = (await trace(device, stack, "bf16", { ...FLOATS, ...PARTS })).results;
      const stored = (await trace(device, stack, "bf16")).results;
      for (const [name, wanted] of Object.entries(exact)) {
        const [most, least] = [stored, plain].map((results) => relativeDistance(results[name]!, wanted));
        assert(most! <= 3 * Math.max(least!, 2 ** -7), `${name}: ${most}, ${least}, ${JSON.stringify(stack)}`);
      }
    }
  });

  it("leaves convolutions that others read, and slopes that hide signs", async () => {
    const graph = new Graph();
    const [x, w] = [graph.input("x", [1, 5, 4, 16]), graph.input("w", [16, 16, 1, 1])];
    const conv = () => ops.conv2d(x, w);
    const read = conv();
    const [zero, negative] = [ops.leakyRelu(conv(), 0), ops.leakyRelu(conv(), -1)];
    const outputs = { read, y: ops.leakyRelu(read, 0.1), zero, negative };
    const gradients = graph.gradients([ops.sum(ops.add(zero, negative))], [x]);
    const plan = await graph.compile(device, { ...outputs, gx: gradients[0]! }, [], { precision: "bf16" });
    const inputs = plan.inputs.map(({ name, shape }, i) => [name, randomFloats(sizeOf(shape), i)]);
    const names = (await plan.trace(Object.fromEntries(inputs))).steps.map(({ op }) => op);
    plan.close();
    assert.deepEqual([count(names, "leaky_relu"), count(names, "leaky_relu_grad")], [3, 2]);
  });
});

/** Training steps on CUDA: forward, gradients and the optimizer in one plan that writes over its variables. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import * as ops from "../../lib/graph/ops/index.js";
import { Variable } from "../../lib/graph/variable.js";
import { assertClose, randomFloats } from "../golden.js";
import { isEmulated, launchesOf, useBothDevices } from "./cuda-device.js";

const settings = { beta1: 0.9, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.1, maxNorm: 0.5 };
const [BATCH, LENGTH, HEADS, SIZE, CLASSES] = [2, 9, 2, 8, 21] as const;
const WIDTH = HEADS * SIZE;

const shapes: Readonly<Record<string, readonly number[]>> = {
  embedding: [CLASSES, WIDTH],
  scale: [WIDTH],
  bias: [WIDTH],
  queries: [WIDTH, WIDTH],
  keys: [WIDTH, WIDTH],
  values: [WIDTH, WIDTH],
  alpha: [WIDTH],
  gain: [WIDTH],
  outputs: [CLASSES, WIDTH],
};

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Trains a causal transformer layer to foretell its own tokens; gives the losses and what the weights came to. */
async function train(device: Device, steps: number) {
  const graph = new Graph();
  const trained = (data: Float32Array, shape: readonly number[]) => Variable.from(data, shape, { frozen: false });
  const weights = Object.entries(shapes).map(([name, shape], i) => {
    const isFactor = name === "scale" || name === "alpha" || name === "gain";
    const data = randomFloats(sizeOf(shape), i).map((value) => (isFactor ? 1 + value / 4 : value / 2));
    return { name, shape, variable: trained(data, shape) };
  });
  const of = Object.fromEntries(weights.map(({ name, variable }) => [name, graph.variable(variable)]));
  const tokens = graph.input("tokens", [BATCH, LENGTH], "i32");
  const x = ops.layerNorm(ops.codebookLookup(tokens, of.embedding!), of.scale!, of.bias!);
  const heads = (name: string) => ops.reshape(ops.linear(x, of[name]!), [BATCH, LENGTH, HEADS, SIZE]);
  const [q, k] = [ops.rotary(heads("queries")), ops.rotary(heads("keys"))];
  const mixed = ops.reshape(ops.attention(q, k, heads("values"), { causal: true }), [BATCH, LENGTH, WIDTH]);
  const y = ops.rmsNorm(ops.add(ops.snake(mixed, of.alpha!), x), of.gain!);
  const logits = ops.reshape(ops.linear(y, of.outputs!), [BATCH * LENGTH, CLASSES]);
  const loss = ops.crossEntropy(logits, graph.input("targets", [BATCH * LENGTH], "i32"));
  const gradients = graph.gradients(
    [loss],
    weights.map(({ name }) => of[name]!),
  );
  const states = weights.map(({ shape }) => ({
    mean: trained(new Float32Array(sizeOf(shape)), shape),
    square: trained(new Float32Array(sizeOf(shape)), shape),
  }));
  const norm = ops.globalNorm(gradients);
  const results = ops.adamw(
    weights.map(({ name }, i) => ({
      parameter: of[name]!,
      mean: graph.variable(states[i]!.mean),
      square: graph.variable(states[i]!.square),
      gradient: gradients[i]!,
    })),
    { rate: graph.input("rate", []), step: graph.input("step", []), norm },
    settings,
  );
  const updates = results.flatMap(({ parameter, mean, square }, i) => [
    [weights[i]!.variable, parameter] as const,
    [states[i]!.mean, mean] as const,
    [states[i]!.square, square] as const,
  ]);
  const plan = await graph.compile(device, { loss, norm }, updates);
  const text = Int32Array.from({ length: BATCH * LENGTH }, (_, i) => (i * i + 3 * i) % CLASSES);
  const targets = Int32Array.from(text, (_, i) => ((i + 1) % LENGTH === 0 ? -100 : text[i + 1]!));
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    const { loss } = await plan.run({
      tokens: text,
      targets,
      rate: Float32Array.of(0.02),
      step: Float32Array.of(step),
    });
    losses.push(loss[0]!);
  }
  const finals = await device.read(weights.map(({ variable }) => variable));
  return { losses, weights: Object.fromEntries(weights.map(({ name }, i) => [name, finals[i]!])) };
}

describe("training on CUDA", () => {
  let cpu: Device;
  let cuda: Device;
  useBothDevices((both) => {
    ({ cpu, cuda } = both);
  });

  it("a transformer layer learns as on the CPU, and twice the same to the bit", async () => {
    const [expected, actual, again] = [await train(cpu, 6), await train(cuda, 6), await train(cuda, 6)];
    assert(expected.losses.at(-1)! < expected.losses[0]! / 2, `losses ${expected.losses}`);
    assertClose(actual.losses, expected.losses, 1e-4, "losses");
    for (const [name, values] of Object.entries(expected.weights)) {
      assertClose(actual.weights[name]!, values, 1e-3, name);
    }
    assert.deepEqual(again, actual);
  });

  it("one launch updates hundreds of tensors in place, one other sums their squares", async function () {
    if (!isEmulated) this.skip(); // only the emulation counts what it does
    const graph = new Graph();
    const variables = Array.from({ length: 3 * 400 }, (_, i) =>
      Variable.from(randomFloats(3, i), [3], { frozen: false }),
    );
    const values = variables.map((variable) => graph.variable(variable));
    const gradients = Array.from({ length: 400 }, (_, i) => ops.affine(values[3 * i]!, 2, 0));
    const results = ops.adamw(
      gradients.map((gradient, i) => ({
        parameter: values[3 * i]!,
        mean: values[3 * i + 1]!,
        square: ops.square(values[3 * i + 2]!),
        gradient,
      })),
      { rate: graph.fill([], 0.1), step: graph.fill([], 1), norm: ops.globalNorm(gradients) },
      settings,
    );
    const updates = results.flatMap(({ parameter, mean, square }, i) => [
      [variables[3 * i]!, parameter] as const,
      [variables[3 * i + 1]!, mean] as const,
      [variables[3 * i + 2]!, square] as const,
    ]);
    const plan = await graph.compile(cuda, {}, updates);
    const names = ["adamw_kernel", "squares_kernel"];
    const before = names.map(launchesOf);
    await plan.run({});
    assert.deepEqual(
      names.map((name, i) => launchesOf(name) - before[i]!),
      [1, 1],
    );
  });
});

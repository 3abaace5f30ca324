import assert from "node:assert/strict";
import fc from "fast-check";
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { Variable } from "../../lib/graph/variable.js";
import { Conv1d, type ConvOptions, ConvTranspose1d, Scope, StreamStep } from "../../lib/nn/index.js";
import { randomFloats } from "../golden.js";
import { onEveryVariant } from "../ops/support.js";

interface Layer {
  forward(x: Value, step?: StreamStep): Value;
}

const [INPUTS, OUTPUTS] = [5, 18];

/** A layer of 5 channels in and 18 out with random weights. */
function layer(
  Kind: new (scope: Scope, inputs: number, outputs: number, kernel: number, options: ConvOptions) => Layer,
  kernel: number,
  options: ConvOptions,
): Layer {
  const scope = Scope.root();
  const made = new Kind(scope, INPUTS, OUTPUTS, kernel, options);
  for (const [i, parameter] of scope.parameters.entries()) {
    const size = parameter.shape.reduce((a, b) => a * b);
    parameter.assign(Variable.from(randomFloats(size, i + 1), parameter.shape));
  }
  return made;
}

/** What a layer makes of rows (n, 5), in pieces of these numbers of rows if they are given. */
async function forward(device: Device, made: Layer, rows: Float32Array, pieces?: readonly number[]) {
  if (!pieces) {
    const graph = new Graph();
    const y = made.forward(graph.input("x", [1, rows.length / INPUTS, INPUTS]));
    return (await (await graph.compile(device, { y })).run({ x: rows })).y as Float32Array;
  }
  const results: number[] = [];
  let start = 0;
  let past: Record<string, Float32Array> = {};
  for (const piece of pieces) {
    const graph = new Graph();
    const step = new StreamStep();
    const y = made.forward(graph.input("x", [1, piece, INPUTS]), step);
    const plan = await graph.compile<string>(device, { y, ...step.outputs });
    const inputs: Record<string, Float32Array> = { x: rows.subarray(start * INPUTS, (start + piece) * INPUTS) };
    for (const { name, shape } of plan.inputs) {
      inputs[name] ??= past[name] ?? new Float32Array(shape.reduce((a, b) => a * b));
    }
    const { y: part, ...rest } = (await plan.run(inputs)) as Record<string, Float32Array>;
    results.push(...part!);
    past = rest;
    start += piece;
  }
  return Float32Array.from(results);
}

describe("layers in steps of a stream", () => {
  const size = (max: number) => fc.integer({ min: 1, max });
  const cuts = fc.array(size(5), { minLength: 1, maxLength: 6 });

  onEveryVariant((device) => {
    it("a causal convolution gives the bits that it gives of the whole, however that is cut", async () => {
      await fc.assert(
        fc.asyncProperty(size(9), size(4), size(4), cuts, async (kernel, stride, dilation, strides) => {
          const conv = layer(Conv1d, kernel, { stride, dilation, causal: true });
          const pieces = strides.map((count) => count * stride);
          const rows = randomFloats(pieces.reduce((a, b) => a + b) * INPUTS, 9);
          assert.deepEqual(await forward(device(), conv, rows, pieces), await forward(device(), conv, rows));
        }),
        { numRuns: 60 },
      );
    });

    it("a causal transposed convolution gives the bits that it gives of the whole, however that is cut", async () => {
      await fc.assert(
        fc.asyncProperty(size(9), size(5), cuts, async (kernel, stride, pieces) => {
          const conv = layer(ConvTranspose1d, Math.max(kernel, stride), { stride, causal: true });
          const rows = randomFloats(pieces.reduce((a, b) => a + b) * INPUTS, 9);
          assert.deepEqual(await forward(device(), conv, rows, pieces), await forward(device(), conv, rows));
        }),
        { numRuns: 60 },
      );
    });
  });

  const record = (made: Layer, rows = 4) => {
    const step = new StreamStep();
    made.forward(new Graph().input("x", [1, rows, INPUTS]), step);
    return Object.values(step.outputs).map(({ shape }) => shape);
  };

  it("remember no more rows than the next step reads", () => {
    assert.deepEqual(record(layer(Conv1d, 7, { dilation: 3, causal: true })), [[1, 18, INPUTS]]);
    assert.deepEqual(record(layer(Conv1d, 8, { stride: 4, causal: true })), [[1, 4, INPUTS]]);
    assert.deepEqual(record(layer(ConvTranspose1d, 8, { stride: 4, causal: true })), [[1, 1, INPUTS]]);
    assert.deepEqual(record(layer(Conv1d, 1, { causal: true })), []);
    assert.deepEqual(record(layer(Conv1d, 1, {})), [], "a row alone needs no past");
  });

  it("refuse what reads rows to come, and rows that do not complete a stride", () => {
    const unsupported = { code: "ERR_LMSPT_UNSUPPORTED", message: /causal layers for a step of a stream/ };
    assert.throws(() => record(layer(Conv1d, 3, { padding: 1 })), unsupported);
    assert.throws(() => record(layer(Conv1d, 7, { causal: true, winograd: true })), unsupported, "reads whole blocks");
    assert.throws(() => record(layer(ConvTranspose1d, 4, { stride: 2, padding: 1 })), unsupported);
    const invalid = { code: "ERR_LMSPT_INVALID_ARGUMENT", message: /a multiple of 3 rows for x but received 4/ };
    assert.throws(() => record(layer(Conv1d, 6, { stride: 3, causal: true })), invalid);
  });
});

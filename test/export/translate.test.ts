/** Single operations translated to ONNX, and what cannot be. */
import assert from "node:assert/strict";
import type { LmsptError } from "../../lib/errors.js";
import { encodeModel } from "../../lib/export/onnx/schema.js";
import { type SignalPort, translate } from "../../lib/export/onnx/translate.js";
import { RecordingGraph } from "../../lib/export/recording-graph.js";
import type { Size } from "../../lib/export/symbolic-graph.js";
import { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import * as ops from "../../lib/graph/ops/index.js";
import { Variable } from "../../lib/graph/variable.js";
import { assertClose, randomFloats, swapLastTwo } from "../golden.js";
import { openSession, runSession, useOnnxRuntime } from "./onnx-support.js";

const CHANNELS = 4;
const INPUT: SignalPort = { name: "x", channels: CHANNELS, rows: "rows" };

/** Of x (B, T, 4), or of a signal computed of it that ONNX has channels-first. */
type Operation = (x: Value, size: Size) => Value;

const weight = (seed: number, ...shape: number[]) =>
  Variable.from(
    randomFloats(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    shape,
  );
const w = weight(1, 6, CHANNELS, 3);
const grouped = weight(2, 6, 2, 3);
const up = weight(3, CHANNELS, 5, 4);
const bias = weight(4, 6);
const vector = weight(5, CHANNELS);
const square = weight(6, CHANNELS, CHANNELS, 1);
const codebook = weight(7, 9, CHANNELS);
const positive = (x: Value) => ops.affine(ops.square(x), 1, 0.1);
const of = (x: Value, variable: Variable) => x.graph.variable(variable);

const OPERATIONS: Readonly<Record<string, Operation>> = {
  neg: (x) => ops.neg(x),
  abs: (x) => ops.abs(x),
  sign: (x) => ops.sign(x),
  "round, halves to even": (x) => ops.round(ops.div(ops.round(ops.affine(x, 9)), 2)),
  square: (x) => ops.square(x),
  sqrt: (x) => ops.sqrt(positive(x)),
  exp: (x) => ops.exp(x),
  log: (x) => ops.log(positive(x)),
  tanh: (x) => ops.tanh(x),
  sigmoid: (x) => ops.sigmoid(x),
  silu: (x) => ops.silu(x),
  gelu: (x) => ops.gelu(x),
  leaky_relu: (x) => ops.leakyRelu(x, 0.3),
  clamp: (x) => ops.clamp(x, -0.5, 0.25),
  "clamp without an upper limit": (x) => ops.clamp(x, -0.5),
  affine: (x) => ops.affine(x, 2, -1),
  stop_gradient: (x) => ops.stopGradient(x),
  "add a number": (x) => ops.add(x, 2),
  "subtract from a number": (x) => ops.sub(1, x),
  "multiply by a vector of channels": (x) => ops.mul(x, of(x, vector)),
  "divide by a signal": (x) => ops.div(x, positive(x)),
  maximum: (x) => ops.maximum(x, of(x, vector)),
  minimum: (x) => ops.minimum(x, ops.neg(x)),
  greater_equal: (x) => ops.greaterEqual(x, of(x, vector)),
  "add a reduced signal": (x) => ops.add(x, ops.mean(x, { axes: [2], keep: true })),
  "add one row to every row": (x) => ops.add(x, ops.slice(x, 1, 0, 1)),
  conv1d: (x) => ops.conv1d(x, of(x, w), of(x, bias), { padLeft: 2, padRight: 1 }),
  "conv1d, strided, dilated, no bias": (x) =>
    ops.conv1d(x, of(x, w), undefined, { stride: 2, dilation: 2, padLeft: 4 }),
  "conv1d, grouped": (x) => ops.conv1d(x, of(x, grouped), of(x, bias), { groups: 2, padLeft: 1, padRight: 1 }),
  "conv1d, weight norm": (x) => {
    const g = x.graph.constant(randomFloats(6, 9), [6, 1, 1]);
    return ops.conv1d(x, ops.weightNorm(of(x, w), g), undefined, { padLeft: 2 });
  },
  conv_transpose1d: (x) => ops.convTranspose1d(x, of(x, up), undefined, { stride: 2, padLeft: 1, padRight: 2 }),
  snake: (x) => ops.snake(x, ops.abs(of(x, vector))),
  "reshape to fewer dimensions and back": (x) => {
    const flat = ops.reshape(x, [x.dim(0), x.dim(1) * CHANNELS]);
    return ops.reshape(ops.tanh(flat), x.shape);
  },
  "reshape that joins the batch and the rows": (x) => {
    const joined = ops.reshape(x, [x.dim(0) * x.dim(1), CHANNELS]);
    return ops.reshape(ops.sum(joined, { axes: [0], keep: true }), [1, 1, CHANNELS]);
  },
  "transpose twice": (x) => ops.transpose(ops.exp(ops.transpose(x, [2, 0, 1])), [1, 2, 0]),
  "slice of channels": (x) => ops.slice(x, 2, 1, 2),
  "slice of all rows": (x) => ops.slice(x, 1, 0, x.dim(1)),
  "slice of all rows but the first": (x) => ops.slice(x, 1, 1, x.dim(1) - 1),
  "slice of all rows but the last": (x) => ops.slice(x, 1, 0, x.dim(1) - 1),
  "slice of two rows": (x) => ops.slice(x, 1, 1, 2),
  concat: (x) => ops.concat([x, ops.neg(x), ops.slice(x, 2, 0, 1)], -1),
  "pad with zeros": (x) => ops.pad(x, 1, 2, 3),
  "pad by reflection": (x) => ops.pad(x, 1, 1, 2, "reflect"),
  broadcast_to: (x) => ops.broadcastTo(ops.mean(x, { axes: [2], keep: true }), [x.dim(0), x.dim(1), 3]),
  to_integer: (x) => ops.toInteger(ops.affine(x, 7)),
  "sum of channels": (x) => ops.sum(x, { axes: [2], keep: true }),
  "mean of rows": (x) => ops.mean(x, { axes: [1], keep: true }),
  "max of rows and channels": (x) => ops.max(x, { axes: [1, 2], keep: true }),
  "max, then shaped": (x) => ops.reshape(ops.max(x, { axes: [2] }), [x.dim(0), x.dim(1), 1]),
  l2_normalize: (x) => ops.l2Normalize(x),
  "code search": (x) => ops.reshape(ops.codebookSearch(x, of(x, codebook)), [x.dim(0), x.dim(1), 1]),
  "code search among equal rows": (x) => {
    const rows = ops.concat([of(x, codebook), of(x, codebook)], 0);
    return ops.reshape(ops.codebookSearch(x, rows), [x.dim(0), x.dim(1), 1]);
  },
  "code look-up": (x) => ops.codebookLookup(ops.codebookSearch(x, of(x, codebook)), of(x, codebook)),
};

const UNSUPPORTED: Readonly<Record<string, readonly [message: RegExp, operation: Operation]>> = {
  "an operation without translation": [/The operation softmax has no translation to ONNX/, (x) => ops.softmax(x)],
  "a structure that depends on the length": [
    /one structure for all lengths, but operation 1 \(\w+\) differs/,
    (x, { frames }) => (frames > 5 ? ops.tanh(x) : ops.exp(x)),
  ],
  "more operations at some lengths": [
    /one structure for all lengths, but its output is another operation's at some/,
    (x, { frames }) => (frames > 5 ? ops.tanh(x) : x),
  ],
  "a constant that depends on the length": [
    /one structure for all lengths, but operation 1 \(constant\) differs/,
    (x, { frames }) => ops.mul(x, frames),
  ],
  "an attribute that depends on the length": [
    /affine cannot be exported: its attribute a depends on the length/,
    (x, { frames }) => ops.affine(x, frames),
  ],
  "a dimension order that depends on the length": [
    /transpose cannot be exported: its attribute order depends on the length/,
    (x, { frames }) => ops.transpose(x, frames > 5 ? [0, 1, 2] : [0, 2, 1]),
  ],
  "two free dimensions": [
    /reshape cannot be exported: several of its dimensions depend on the length/,
    (x) => ops.reshape(x, [x.dim(1), x.dim(0), CHANNELS]),
  ],
  "half of the rows": [
    /slice cannot be exported: its range is neither fixed nor counted from the end/,
    (x) => ops.slice(x, 1, 0, Math.floor(x.dim(1) / 2)),
  ],
  "repetition for every row": [
    /broadcast_to cannot be exported: it repeats as often as the length says/,
    (x) => ops.broadcastTo(ops.mean(x, { axes: [1], keep: true }), [...x.shape]),
  ],
  "negative padding": [
    /conv1d cannot be exported: ONNX has no negative padding/,
    (x) => ops.conv1d(x, of(x, w), undefined, { padLeft: 4, padRight: -1 }),
  ],
  "a fixed length": [
    /conv1d cannot be exported: its length is fixed/,
    (x) => ops.conv1d(x, of(x, w), undefined, { length: 3 }),
  ],
  "a computed alpha": [
    /snake cannot be exported: its alpha must be a weight/,
    (x) => ops.snake(x, ops.reshape(ops.mean(x, { axes: [0, 1] }), [CHANNELS])),
  ],
  "a computed codebook": [
    /codebook_search cannot be exported: its codebook must be a weight/,
    (x) => ops.reshape(ops.codebookSearch(x, ops.mean(x, { axes: [1] })), [x.dim(0), x.dim(1), 1]),
  ],
};

describe("translation to ONNX", () => {
  const runtime = useOnnxRuntime();
  const device = useDevice();

  for (const [name, operation] of Object.entries(OPERATIONS)) {
    it(name, async () => {
      const mixed = (x: Value, size: Size) => operation(ops.conv1d(x, of(x, square)), size);
      for (const build of [operation, mixed]) {
        const output = { name: "y", channels: build(...sample()).dim(2), rows: "rows_out" };
        const model = encodeModel(
          (await translate(computation(build, output), device(), new Map())).build(DESCRIPTION),
        );
        const session = await openSession(runtime(), model);
        for (const size of [
          { batch: 1, frames: 6 },
          { batch: 2, frames: 13 },
        ]) {
          const expected = await compute(device(), build, size);
          const shape = [size.batch, size.frames, CHANNELS];
          const x = swapLastTwo(inputData(size), shape);
          const { data, dims } = await runSession(runtime(), session, "x", x, [size.batch, CHANNELS, size.frames]);
          const [batch, rows, channels] = expected.shape as [number, number, number];
          assert.deepEqual(dims, [batch, channels, rows]);
          const actual = swapLastTwo(Float32Array.from(data as Float32Array, Number), [batch, channels, rows]);
          assertClose(actual, Float32Array.from(expected.data), 1e-5, name);
        }
        await session.release();
      }
    });
  }

  it("transposes constants of three dimensions with their signal", async () => {
    const offsets = weight(11, 1, 1, CHANNELS);
    const build: Operation = (x) => ops.add(ops.conv1d(x, of(x, square)), of(x, offsets));
    const output = { name: "y", channels: CHANNELS, rows: "rows_out" };
    const model = encodeModel((await translate(computation(build, output), device(), new Map())).build(DESCRIPTION));
    const session = await openSession(runtime(), model);
    const size = { batch: 2, frames: 5 };
    const x = swapLastTwo(inputData(size), [2, 5, CHANNELS]);
    const { data } = await runSession(runtime(), session, "x", x, [2, CHANNELS, 5]);
    const expected = await compute(device(), build, size);
    assertClose(swapLastTwo(data as Float32Array, [2, CHANNELS, 5]), expected.data, 1e-6);
    await session.release();
  });
});

describe("what has no translation to ONNX", () => {
  const device = useDevice();

  for (const [name, [message, operation]] of Object.entries(UNSUPPORTED)) {
    it(name, async () => {
      const output = { name: "y", channels: CHANNELS, rows: "rows" };
      await assert.rejects(translate(computation(operation, output), device(), new Map()), (error: LmsptError) => {
        assert.equal(error.code, "ERR_LMSPT_UNSUPPORTED");
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it("a second input", async () => {
    const build: Operation = (x) => ops.add(x, x.graph.input("z", [1]));
    const output = { name: "y", channels: CHANNELS, rows: "rows" };
    await assert.rejects(
      translate(computation(build, output), device(), new Map()),
      /the only input is x, but there is z/,
    );
  });
});

const DESCRIPTION = { name: "test", description: "", producerVersion: "0", metadata: {} };

function useDevice(): () => Device {
  let device: Device | undefined;
  before(() => {
    device = Device.open("cpu");
  });
  after(() => device?.close());
  return () => device!;
}

function computation(operation: Operation, output: SignalPort) {
  return {
    input: INPUT,
    output,
    record: (size: Size) => {
      const graph = new RecordingGraph();
      const input = graph.input("x", [size.batch, size.frames, CHANNELS]);
      return { graph, input, output: operation(input, size) };
    },
  };
}

function sample(): [Value, Size] {
  return [new Graph().input("x", [1, 6, CHANNELS]), { batch: 1, frames: 6 }];
}

function inputData({ batch, frames }: Size): Float32Array {
  return randomFloats(batch * frames * CHANNELS, frames);
}

async function compute(device: Device, operation: Operation, size: Size) {
  const graph = new Graph();
  const y = operation(graph.input("x", [size.batch, size.frames, CHANNELS]), size);
  const plan = await graph.compile(device, { y });
  return { shape: y.shape, data: (await plan.run({ x: inputData(size) })).y };
}

import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import { type Conv1dOptions, conv1d, snake } from "../../lib/graph/ops/index.js";
import { Golden, randomFloats } from "../golden.js";
import { channelsFirst } from "./layouts.js";
import { checkGoldenCase, evaluate, onEveryVariant } from "./support.js";

interface Case {
  readonly batch: number;
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly options: Conv1dOptions;
}

/** y in double precision. */
function direct(x: Float32Array, w: Float32Array, { batch, rows, inputs, outputs, kernel, options }: Case) {
  const { dilation = 1, padLeft = 0, padRight = 0 } = options;
  const length = rows + padLeft + padRight - dilation * (kernel - 1);
  const y = new Float64Array(batch * length * outputs);
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < length; t++) {
      for (let o = 0; o < outputs; o++) {
        let sum = 0;
        for (let j = 0; j < kernel; j++) {
          const row = t + j * dilation - padLeft;
          if (row < 0 || row >= rows) continue;
          for (let i = 0; i < inputs; i++) sum += w[(o * inputs + i) * kernel + j]! * x[(b * rows + row) * inputs + i]!;
        }
        y[(b * length + t) * outputs + o] = sum;
      }
    }
  }
  return y;
}

const rootMeanSquare = (values: Float64Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

async function run(device: Device, x: Float32Array, w: Float32Array, of: Case, winograd: boolean) {
  const { batch, rows, inputs, outputs, kernel, options } = of;
  const given = {
    x: { data: x, shape: [batch, rows, inputs] },
    w: { data: w, shape: [outputs, inputs, kernel] },
  };
  const { y } = await evaluate(device, given, ({ x, w }) => conv1d(x, w, undefined, { ...options, winograd }));
  return y as Float32Array;
}

describe("conv1d by the fast algorithm", () => {
  let golden: Golden;
  before(async () => {
    golden = await Golden.load("ops");
  });

  const bothEnds = (pad: number) => ({ padLeft: pad, padRight: pad });
  const plain = { x: channelsFirst, y: channelsFirst };
  const goldenCases: [string, Conv1dOptions][] = [
    ["conv1d_k7_d1", bothEnds(3)],
    ["conv1d_k7_d3", { dilation: 3, ...bothEnds(9) }],
    ["conv1d_k7_d9", { dilation: 9, ...bothEnds(27) }],
    ["conv1d_k1", {}],
    ["conv1d_k3", bothEnds(1)],
  ];

  const cases: [string, Case][] = [
    ["one channel", { batch: 1, rows: 50, inputs: 1, outputs: 32, kernel: 7, options: bothEnds(3) }],
    ["no padding", { batch: 2, rows: 40, inputs: 16, outputs: 16, kernel: 4, options: {} }],
    ["fewer rows than a block", { batch: 1, rows: 3, inputs: 32, outputs: 48, kernel: 7, options: bothEnds(3) }],
    ["ragged channels", { batch: 2, rows: 101, inputs: 37, outputs: 53, kernel: 5, options: bothEnds(2) }],
    [
      "three groups of taps",
      { batch: 1, rows: 97, inputs: 24, outputs: 80, kernel: 9, options: { dilation: 2, ...bothEnds(8) } },
    ],
    [
      "many tiles",
      { batch: 1, rows: 3000, inputs: 32, outputs: 32, kernel: 7, options: { dilation: 9, ...bothEnds(27) } },
    ],
    ["negative padding", { batch: 1, rows: 60, inputs: 8, outputs: 8, kernel: 3, options: { padRight: -5 } }],
  ];

  onEveryVariant((device) => {
    for (const [name, options] of goldenCases) {
      it(`${name} agrees with the reference, gradients too`, () =>
        checkGoldenCase(
          device(),
          golden,
          name,
          ["x", "w", "b"],
          ({ x, w, b }) => conv1d(x, w, b, { ...options, winograd: true }),
          plain,
        ));
    }

    for (const [name, of] of cases) {
      it(`has at most four times the error of direct summation: ${name}`, async () => {
        const x = randomFloats(of.batch * of.rows * of.inputs, 1);
        const w = randomFloats(of.outputs * of.inputs * of.kernel, 2);
        const expected = direct(x, w, of);
        const errorOf = (y: Float32Array) => rootMeanSquare(Float64Array.from(y, (value, i) => value - expected[i]!));
        const [fast, slow] = [await run(device(), x, w, of, true), await run(device(), x, w, of, false)];
        assert.equal(fast.length, expected.length);
        const leastError = 2 ** -24 * rootMeanSquare(expected);
        const [fastError, slowError] = [errorOf(fast), Math.max(leastError, errorOf(slow))];
        assert(fastError <= 4 * slowError, `${fastError} against ${slowError}`);
      });
    }

    it("gives a row the same bits in any batch, and in any piece that begins with a block and holds all that it reads", async () => {
      const of = { batch: 1, rows: 407, inputs: 40, outputs: 72, kernel: 7, options: { dilation: 3, ...bothEnds(9) } };
      const x = randomFloats(of.rows * of.inputs, 3);
      const w = randomFloats(of.outputs * of.inputs * of.kernel, 4);
      const whole = await run(device(), x, w, of, true);
      const twice = Float32Array.from([...randomFloats(x.length, 5), ...x]);
      assert.deepEqual((await run(device(), twice, w, { ...of, batch: 2 }, true)).slice(whole.length), whole);
      const [start, rows, block] = [9 * 12, 133, 12];
      const part = await run(
        device(),
        x.slice(start * of.inputs, (start + rows) * of.inputs),
        w,
        { ...of, rows },
        true,
      );
      const last = rows - 23;
      const rowsOf = (y: Float32Array, from: number, to: number) => y.slice(from * of.outputs, to * of.outputs);
      assert.deepEqual(rowsOf(part, block, last), rowsOf(whole, start + block, start + last));
    });

    it("applies Snake before and adds a residual after, as separate operations do", async () => {
      const shape = [1, 70, 32];
      const inputs = {
        x: { data: randomFloats(70 * 32, 6), shape },
        alpha: { data: randomFloats(32, 7).map((value) => 1 + value / 2), shape: [32] },
        w: { data: randomFloats(32 * 32 * 7, 8), shape: [32, 32, 7] },
        b: { data: randomFloats(32, 9), shape: [32] },
      };
      const options = { ...bothEnds(3), winograd: true };
      const fused = await evaluate(
        device(),
        inputs,
        ({ x, alpha, w, b }, graph) => graph.apply("add", [x, conv1d(snake(x, alpha), w, b, options)])[0]!,
      );
      const { y: activated } = await evaluate(device(), inputs, ({ x, alpha }) => snake(x, alpha));
      const staged = { ...inputs, s: { data: activated, shape } };
      const { y: convolved } = await evaluate(device(), staged, ({ s, w, b }) => conv1d(s, w, b, options));
      assert.deepEqual(
        fused.y,
        (convolved as Float32Array).map((value, i) => Math.fround(value + inputs.x.data[i]!)),
      );
    });
  });

  it("is for stride 1 and one group", () => {
    const graph = new Graph();
    const [x, w] = [graph.input("x", [1, 30, 8]), graph.input("w", [8, 8, 7])];
    const refused = { code: "ERR_LMSPT_SHAPE", message: /expected stride 1 and groups 1 for the fast algorithm/ };
    assert.throws(() => conv1d(x, w, undefined, { stride: 2, winograd: true }), refused);
    const grouped = graph.input("grouped", [8, 4, 7]);
    assert.throws(() => conv1d(x, grouped, undefined, { groups: 2, winograd: true }), refused);
  });
});

/** The engine of matrix products on CUDA: its tiles, its precisions, and that rows do not depend on their neighbours. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Device } from "../../lib/graph/device.js";
import type { Value } from "../../lib/graph/graph.js";
import { type Conv1dOptions, conv1d, conv2d, convTranspose1d, linear, matmul } from "../../lib/graph/ops/index.js";
import type { Precision } from "../../lib/graph/precision.js";
import { compute } from "../gemm/support.js";
import { assertClose, randomFloats, relativeError } from "../golden.js";
import { randomTensor, type TensorData } from "../ops/support.js";
import { assertAgree, run } from "./cuda-case.js";
import { productCases } from "./cuda-cases-products.js";
import { isEmulated, TILES, withSettings } from "./cuda-device.js";
import { PRECISIONS, ROUNDING } from "./cuda-precision.js";

type Build = (values: Record<"x" | "w", Value>) => Value;

/** The values of the attribute `precision`. */
const CODES: Record<Precision, number> = { fp32: 1, bf16x3: 2, bf16: 3, tf32: 4 };

interface Convolution {
  readonly rows: number;
  readonly channels: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly options?: Conv1dOptions;
}

/** Folded and shifted taps, odd and even channels, ends of blocks. */
const convolutions: readonly Convolution[] = [
  { rows: 140, channels: 32, outputs: 40, kernel: 7, options: { dilation: 3, padLeft: 9, padRight: 9 } },
  { rows: 70, channels: 33, outputs: 17, kernel: 3, options: { padLeft: 2 } },
  { rows: 66, channels: 20, outputs: 70, kernel: 3 },
  { rows: 90, channels: 16, outputs: 24, kernel: 4, options: { stride: 2, padLeft: 1, padRight: 1 } },
  { rows: 40, channels: 100, outputs: 36, kernel: 1 },
  { rows: 35, channels: 3, outputs: 8, kernel: 7, options: { padLeft: 6 } },
];

const inputsOf = ({ rows, channels, outputs, kernel }: Convolution) => ({
  x: randomTensor([1, rows, channels], 1),
  w: randomTensor([outputs, channels, kernel], 2),
});

/** The sums in double precision, of operands rounded as it is said. */
function convolve(c: Convolution, round: (value: number) => number): Float64Array {
  const { rows, channels, outputs, kernel, options = {} } = c;
  const { stride = 1, dilation = 1, padLeft = 0, padRight = 0 } = options;
  const { x, w } = inputsOf(c);
  const [left, right] = [Array.from(x.data, round), Array.from(w.data, round)];
  const length = Math.floor((rows + padLeft + padRight - dilation * (kernel - 1) - 1) / stride) + 1;
  return Float64Array.from({ length: length * outputs }, (_, i) => {
    const [t, o] = [Math.floor(i / outputs), i % outputs];
    let sum = 0;
    for (let j = 0; j < kernel; j++) {
      const row = t * stride + j * dilation - padLeft;
      if (row < 0 || row >= rows) continue;
      for (let c = 0; c < channels; c++) sum += left[row * channels + c]! * right[(o * channels + c) * kernel + j]!;
    }
    return sum;
  });
}

const convolved = (device: Device, c: Convolution, precision: Precision) =>
  compute(device, inputsOf(c), precision, ({ x, w }) => conv1d(x, w, undefined, c.options));

describe("products on CUDA", () => {
  let cpu: Device;
  before(() => {
    cpu = Device.open("cpu");
  });
  after(() => cpu.close());

  for (const tile of TILES) {
    it(`agree with the CPU's in ${tile} tiles`, () =>
      withSettings({ LMSPT_CUDA_TILE: tile }, async (device) => {
        for (const one of productCases.filter(({ op }) => !/^pack_|weight_grad$/.test(op))) {
          const [[actual], [expected]] = await Promise.all([run(device, one), run(cpu, one)]);
          assertAgree(actual!, expected!, one.tolerance, `${one.op} ${JSON.stringify(one.attributes)}`);
        }
      }));

    it(`are as near to the exact result as those of a naive implementation of the same precision in ${tile} tiles`, () =>
      withSettings({ LMSPT_CUDA_TILE: tile }, async (device) => {
        for (const c of convolutions) {
          const exact = convolve(c, (value) => value);
          for (const precision of PRECISIONS) {
            const error = relativeError(await convolved(device, c, precision), exact);
            const naive = relativeError(Float32Array.from(convolve(c, ROUNDING[precision])), exact);
            const rounding = 1e-6; // of float32 sums, which the naive ones in double precision do not have
            const what = `${precision} of ${JSON.stringify(c)}: ${error}, naive ${naive}`;
            assert(error <= 2 * naive + rounding, what);
            assert(error >= naive / 4, `${what}: computed in another precision`);
          }
        }
      }));
  }

  it("have the same bits in tiles of all sizes", async () => {
    const results: Float32Array[][] = [];
    for (const tile of TILES) {
      await withSettings({ LMSPT_CUDA_TILE: tile }, async (device) => {
        const all = [];
        for (const c of convolutions) {
          for (const precision of PRECISIONS) all.push(await convolved(device, c, precision));
        }
        results.push(all);
      });
    }
    for (const other of results.slice(1)) assert.deepEqual(other, results[0]);
  });

  for (const precision of PRECISIONS) {
    it(`${precision}: transposed convolutions and linear layers are those of rounded operands`, () =>
      withSettings({}, async (device) => {
        const round = ({ data, shape }: TensorData) => ({ data: Float32Array.from(data, ROUNDING[precision]), shape });
        const compare = async <Names extends string>(
          inputs: Record<Names, TensorData>,
          build: (values: Record<Names, Value>) => Value,
        ) => {
          const actual = await compute(device, inputs, precision, build);
          const { x, w } = inputs as unknown as Record<"x" | "w", TensorData>;
          const rounded = { ...inputs, x: round(x), w: round(w) };
          assertClose(actual, await compute(cpu, rounded, "fp32", build), precision === "bf16x3" ? 1e-5 : 2e-6);
        };
        for (const [rows, channels, outputs, stride, padLeft] of [
          [20, 40, 24, 5, 3],
          [1, 64, 16, 2, 1],
          [50, 32, 3, 8, 4],
          [9, 17, 10, 1, 0],
        ] as const) {
          const inputs = {
            x: randomTensor([2, rows, channels], 3),
            w: randomTensor([channels, outputs, 2 * stride], 4),
            b: randomTensor([outputs], 5),
          };
          await compare(inputs, ({ x, w, b }) => convTranspose1d(x, w, b, { stride, padLeft, padRight: padLeft }));
        }
        for (const [shape, outputs] of [
          [[3, 7, 100], 53],
          [[1, 32], 16],
          [[140, 33], 70],
          [[2, 0], 3],
          [[0, 16], 3],
        ] as const) {
          const inputs = {
            x: randomTensor(shape, 6),
            w: randomTensor([outputs, shape.at(-1)!], 7),
            b: randomTensor([outputs], 8),
          };
          await compare(inputs, ({ x, w, b }) => linear(x, w, b));
        }
      }));

    it(`${precision}: a row has the same bits in any batch, at any place and with any neighbours`, () =>
      withSettings({}, async (device) => {
        const shape = fc.record({
          channels: fc.integer({ min: 1, max: 40 }),
          outputs: fc.integer({ min: 1, max: 70 }),
          kernel: fc.integer({ min: 1, max: 7 }),
          dilation: fc.integer({ min: 1, max: 9 }),
          rows: fc.integer({ min: 60, max: 200 }),
          start: fc.integer({ min: 0, max: 50 }),
          length: fc.integer({ min: 55, max: 100 }),
          seed: fc.nat(1000),
        });
        await fc.assert(
          fc.asyncProperty(shape, async ({ channels, outputs, kernel, dilation, rows, start, length, seed }) => {
            const x = randomFloats(rows * channels, seed);
            const w = randomTensor([outputs, channels, kernel], seed + 1);
            const run = (data: Float32Array, batch: number, length: number) =>
              compute(device, { x: { data, shape: [batch, length, channels] }, w }, precision, ({ x, w }) =>
                conv1d(x, w, undefined, { dilation }),
              );
            const whole = await run(x, 1, rows);
            const twice = await run(Float32Array.from([...randomFloats(x.length, seed + 2), ...x]), 2, rows);
            assert.deepEqual(twice.slice(whole.length), whole);
            const end = Math.min(rows, start + length);
            if (end - start <= (kernel - 1) * dilation) return;
            const part = await run(x.slice(start * channels, end * channels), 1, end - start);
            assert.deepEqual(part, whole.slice(start * outputs, (end - (kernel - 1) * dilation) * outputs));
          }),
          { numRuns: 12 },
        );
      }));
  }

  for (const precision of PRECISIONS) {
    it(`${precision}: an item has the same bits alone and among others`, () =>
      withSettings({}, async (device) => {
        const builds: readonly (readonly [item: readonly number[], w: readonly number[], Build])[] = [
          [[50], [70, 50], ({ x, w }) => linear(x, w)],
          [[9, 24], [24, 40], ({ x, w }) => matmul(x, w)],
          [[30, 20], [20, 12, 4], ({ x, w }) => convTranspose1d(x, w, undefined, { stride: 2, padLeft: 1 })],
          [[70, 16], [16, 20, 3], ({ x, w }) => convTranspose1d(x, w, undefined, { dilation: 9 })],
          [[45, 32], [24, 32, 10], ({ x, w }) => conv1d(x, w, undefined, { stride: 5 })],
          [[40, 40], [1, 40, 7], ({ x, w }) => conv1d(x, w)],
          [[12, 5, 8], [20, 8, 5, 1], ({ x, w }) => conv2d(x, w, undefined, { stride: [3, 1], pad: [2, 0] })],
        ];
        for (const [i, [item, shape, build]] of builds.entries()) {
          const [x, w] = [randomTensor([67, ...item], i), randomTensor(shape, i + 1)];
          const size = x.data.length / 67;
          const whole = await compute(device, { x, w }, precision, build);
          for (const place of [0, 40, 66]) {
            const alone = { data: x.data.slice(place * size, (place + 1) * size), shape: [1, ...item] };
            const y = await compute(device, { x: alone, w }, precision, build);
            assert.deepEqual(y, whole.slice(place * y.length, (place + 1) * y.length), `${item} at ${place}`);
          }
        }
      }));

    it(`${precision}: gradients, matmul and conv2d are those of rounded operands`, () =>
      withSettings({}, async (device) => {
        const reduced = /^(matmul|conv1d_weight_grad|conv2d|conv2d_\w+_grad)$/;
        for (const one of productCases.filter(({ op }) => reduced.test(op))) {
          const attributes = { ...one.attributes, precision: CODES[precision] };
          const inputs = one.inputs.map(
            (input, i) =>
              input && (i < 2 ? { ...input, data: Float32Array.from(input.data, ROUNDING[precision]) } : input),
          );
          const [[actual], [expected]] = await Promise.all([
            run(device, { ...one, attributes }),
            run(cpu, { ...one, inputs }),
          ]);
          // Tensor cores cut off what they add, which the emulation rounds.
          const looser = precision === "bf16x3" || (precision === "tf32" && !isEmulated);
          const tolerance = looser ? 8 * one.tolerance : one.tolerance;
          assertAgree(actual!, expected!, tolerance, `${one.op} ${JSON.stringify(one.attributes)}`);
        }
      }));
  }

  it("tf32 is refused by the CPU, with what it has", async () => {
    await assert.rejects(convolved(cpu, convolutions[0]!, "tf32"), {
      code: "ERR_LMSPT_UNSUPPORTED",
      message: /expected a precision that cpu has, "fp32", "bf16x3", "bf16", got "tf32"/,
    });
    assert.throws(() => cpu.arithmetic("tf32"), { code: "ERR_LMSPT_UNSUPPORTED" });
  });
});

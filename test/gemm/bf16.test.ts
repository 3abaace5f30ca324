import assert from "node:assert/strict";
import type { Value } from "../../lib/graph/graph.js";
import { conv1d, convTranspose1d, linear } from "../../lib/graph/ops/index.js";
import type { Precision } from "../../lib/graph/precision.js";
import { assertClose, randomFloats, relativeError } from "../golden.js";
import { randomTensor } from "../ops/support.js";
import { dotBf16, dotSplit, orderOfK, toBf16, unitOf } from "./bf16-model.js";
import { compute, onEveryUnit } from "./support.js";

interface Case {
  readonly rows: number;
  readonly channels: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly options?: { stride?: number; dilation?: number; padLeft?: number; padRight?: number };
}

/** Sizes around the blocks of 32 elements, the tiles of 16 rows and columns, and odd ones. */
const convolutions: readonly Case[] = [
  { rows: 40, channels: 3, outputs: 32, kernel: 7, options: { padLeft: 3, padRight: 3 } },
  { rows: 33, channels: 32, outputs: 48, kernel: 1 },
  { rows: 70, channels: 32, outputs: 17, kernel: 7, options: { dilation: 3, padLeft: 9, padRight: 9 } },
  { rows: 50, channels: 48, outputs: 33, kernel: 7, options: { dilation: 9, padLeft: 54 } },
  { rows: 37, channels: 48, outputs: 48, kernel: 1, options: { dilation: 2 } },
  { rows: 61, channels: 64, outputs: 16, kernel: 10, options: { stride: 5, padLeft: 3, padRight: 3 } },
  { rows: 29, channels: 21, outputs: 7, kernel: 3, options: { padLeft: 1, padRight: 1 } },
  { rows: 5, channels: 96, outputs: 130, kernel: 2 },
];

type Dot = (a: readonly number[], b: readonly number[]) => number;
const dots = {
  vector: (a, b) => dotBf16(a, b, "vector"),
  tiles: (a, b) => dotBf16(a, b, "tiles"),
  split: dotSplit,
  exact: (a, b) => a.reduce((sum, value, i) => sum + value * b[i]!, 0),
  naive: (a, b) => a.reduce((sum, value, i) => sum + toBf16(value) * toBf16(b[i]!), 0),
} satisfies Record<string, Dot>;

const known = new Map<string, Float64Array>();

/** conv1d with this sum for each output; computed once. */
function expected(c: Case, dot: keyof typeof dots): Float64Array {
  const key = `${nameOf(c)} ${dot}`;
  const result = known.get(key) ?? Float64Array.from(convolve(c, dots[dot]));
  known.set(key, result);
  return result;
}

function convolve({ rows, channels, outputs, kernel, options = {} }: Case, dot: Dot): number[] {
  const { stride = 1, dilation = 1, padLeft = 0, padRight = 0 } = options;
  const x = randomTensor([1, rows, channels], 1).data;
  const w = randomTensor([outputs, channels, kernel], 2).data;
  const length = Math.floor((rows + padLeft + padRight - dilation * (kernel - 1) - 1) / stride) + 1;
  const order = orderOfK(kernel, channels);
  const weights = Array.from({ length: outputs }, (_, o) =>
    order.map(([tap, i]) => (i < channels ? w[(o * channels + i) * kernel + tap]! : 0)),
  );
  return Array.from({ length }, (_, t) => {
    const row = order.map(([tap, i]) => {
      const source = t * stride + tap * dilation - padLeft;
      return source >= 0 && source < rows && i < channels ? x[source * channels + i]! : 0;
    });
    return weights.map((column) => dot(row, column));
  }).flat();
}

const runCase = (
  device: Parameters<typeof compute>[0],
  { rows, channels, outputs, kernel, options }: Case,
  p: Precision,
) =>
  compute(
    device,
    { x: randomTensor([1, rows, channels], 1), w: randomTensor([outputs, channels, kernel], 2) },
    p,
    ({ x, w }) => conv1d(x, w, undefined, options),
  );

const nameOf = (c: Case) =>
  `${c.rows} rows, ${c.channels} -> ${c.outputs}, kernel ${c.kernel} ${JSON.stringify(c.options ?? {})}`;

describe("bf16", () => {
  onEveryUnit((device, variant) => {
    const splits = variant.startsWith("amx");

    for (const c of convolutions) {
      it(`sums a convolution as defined, bit for bit: ${nameOf(c)}`, async () => {
        assert.deepEqual(await runCase(device(), c, "bf16"), Float32Array.from(expected(c, unitOf(variant))));
      });
      it(`sums a split convolution as defined, or in float32: ${nameOf(c)}`, async () => {
        const actual = await runCase(device(), c, "bf16x3");
        if (splits) assert.deepEqual(actual, Float32Array.from(expected(c, "split")));
        else assert.deepEqual(actual, await runCase(device(), c, "fp32"));
      });
    }

    it("is as near to the exact result as a naive implementation, and split products are within 1e-5", async () => {
      for (const c of convolutions) {
        const exact = expected(c, "exact");
        const naive = relativeError(expected(c, "naive"), exact);
        assert(relativeError(await runCase(device(), c, "bf16"), exact) <= 2 * naive, nameOf(c));
        assertClose(await runCase(device(), c, "bf16x3"), exact, 1e-5, nameOf(c));
      }
    });

    for (const precision of ["bf16", "bf16x3"] as const) {
      it(`${precision}: a transposed convolution is the sum of its taps`, async () => {
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
          const build = ({ x, w, b }: Record<"x" | "w" | "b", Value>) =>
            convTranspose1d(x, w, b, { stride, padLeft, padRight: padLeft });
          const actual = await compute(device(), inputs, precision, build);
          const rounded = precision === "bf16" ? { ...inputs, x: round(inputs.x), w: round(inputs.w) } : inputs;
          assertClose(
            actual,
            await compute(device(), rounded, "fp32", build),
            precision === "bf16" ? 2e-6 : 1e-5,
            `${[rows, channels, outputs, stride]}`,
          );
        }
      });

      it(`${precision}: a linear layer, of any number of dimensions`, async () => {
        for (const [shape, outputs] of [
          [[3, 7, 100], 53],
          [[1, 32], 16],
          [[200, 33], 70],
          [[2, 0], 3],
          [[0, 8], 3],
        ] as const) {
          const inputs = {
            x: randomTensor(shape, 6),
            w: randomTensor([outputs, shape.at(-1)!], 7),
            b: randomTensor([outputs], 8),
          };
          const build = ({ x, w, b }: Record<"x" | "w" | "b", Value>) => linear(x, w, b);
          const actual = await compute(device(), inputs, precision, build);
          const rounded = precision === "bf16" ? { ...inputs, x: round(inputs.x), w: round(inputs.w) } : inputs;
          assertClose(actual, await compute(device(), rounded, "fp32", build), precision === "bf16" ? 2e-6 : 1e-5);
        }
      });

      it(`${precision}: a row has the same bits in any batch, at any place and with any neighbours`, async () => {
        for (const [channels, kernel, dilation] of [
          [40, 7, 3],
          [64, 3, 1],
        ] as const) {
          const rows = 203;
          const x = randomFloats(rows * channels, 1);
          const w = randomTensor([50, channels, kernel], 2);
          const run = (data: Float32Array, batch: number, length: number) =>
            compute(device(), { x: { data, shape: [batch, length, channels] }, w }, precision, ({ x, w }) =>
              conv1d(x, w, undefined, { dilation }),
            );
          const whole = await run(x, 1, rows);
          const twice = await run(Float32Array.from([...randomFloats(x.length, 3), ...x]), 2, rows);
          assert.deepEqual(twice.slice(whole.length), whole);
          const lost = (kernel - 1) * dilation;
          for (const [start, length] of [
            [77, 61],
            [1, 40],
            [180, 23],
          ] as const) {
            const part = await run(x.slice(start * channels, (start + length) * channels), 1, length);
            assert.deepEqual(part, whole.slice(start * 50, (start + length - lost) * 50));
          }
        }
      });
    }

    it("keeps infinities and what is not a number to their own rows", async () => {
      const x = randomTensor([1, 40, 48], 1);
      x.data[20 * 48 + 47] = Number.POSITIVE_INFINITY;
      x.data[30 * 48] = Number.NaN;
      const w = randomTensor([16, 48, 1], 2);
      for (const precision of ["bf16", "bf16x3"] as const) {
        const y = await compute(device(), { x, w }, precision, ({ x, w }) => conv1d(x, w));
        for (let row = 0; row < 40; row++) {
          const values = y.slice(row * 16, row * 16 + 16);
          if (row === 20) assert(!values.some(Number.isFinite), precision);
          else
            assert(
              values.every((value) => Number.isNaN(value) === (row === 30)),
              `${precision} ${row}`,
            );
        }
      }
    });
  });
});

function round({ data, shape }: { data: Float32Array; shape: readonly number[] }) {
  return { data: data.map(toBf16), shape };
}

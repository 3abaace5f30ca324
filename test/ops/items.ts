/** Convolutions of items of different lengths, held to those of each item alone, bit for bit. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import type { Value } from "../../lib/graph/graph.js";
import { add, conv1d, convTranspose1d, type ItemRows, snake } from "../../lib/graph/ops/index.js";
import type { Precision } from "../../lib/graph/precision.js";
import { compute } from "../gemm/support.js";
import { randomFloats } from "../golden.js";
import { randomTensor, type TensorData } from "./support.js";

type Values = Readonly<Record<string, Value>>;

export interface ItemsCase {
  readonly name: string;
  readonly channels: number;
  readonly frameRows: number;
  readonly missing?: number;
  /** Beside x. */
  readonly weights: Readonly<Record<string, TensorData>>;
  readonly build: (values: Values, items?: ItemRows) => Value;
}

function convolution(
  name: string,
  [channels, outputs, kernel]: readonly [number, number, number],
  [frameRows, missing]: readonly [number, number],
  options: Parameters<typeof conv1d>[3],
): ItemsCase {
  const { groups = 1 } = options!;
  const weights = { w: randomTensor([outputs, channels / groups, kernel], 1), b: randomTensor([outputs], 2) };
  const build: ItemsCase["build"] = ({ x, w, b }, items) => conv1d(x!, w!, b, { ...options, items });
  return { name, channels, frameRows, missing, weights, build };
}

function transposed(
  name: string,
  [channels, outputs, stride]: readonly [number, number, number],
  [frameRows, missing]: readonly [number, number],
): ItemsCase {
  const weights = { w: randomTensor([channels, outputs, 2 * stride], 1), b: randomTensor([outputs], 2) };
  const padding = Math.ceil(stride / 2);
  const options = { stride, padLeft: padding, padRight: padding };
  const build: ItemsCase["build"] = ({ x, w, b }, items) => convTranspose1d(x!, w!, b, { ...options, items });
  return { name, channels, frameRows, missing, weights, build };
}

export function residualUnit(
  channels: number,
  [frameRows, missing]: readonly [number, number],
  dilation: number,
): ItemsCase {
  const weights = {
    a: randomTensor([channels], 3),
    v: randomTensor([channels, channels, 7], 4),
    b: randomTensor([channels], 5),
    c: randomTensor([channels], 6),
    w: randomTensor([channels, channels, 1], 7),
  };
  const options = { dilation, padLeft: 3 * dilation, padRight: 3 * dilation, winograd: true };
  const build: ItemsCase["build"] = ({ x, a, v, b, c, w }, items) => {
    const inner = conv1d(snake(x!, a!), v!, b, { ...options, items });
    return add(x!, conv1d(snake(inner, c!), w!));
  };
  return { name: `a residual unit of ${channels} channels`, channels, frameRows, missing, weights, build };
}

/** The same of what a convolution gives, which a plan in bf16 stores as bf16 numbers. */
export function afterConvolution(one: ItemsCase): ItemsCase {
  const first = randomTensor([one.channels, one.channels, 1], 8);
  return {
    ...one,
    weights: { ...one.weights, first },
    build: (values, items) => one.build({ ...values, x: conv1d(values.x!, values.first!) }, items),
  };
}

/** With what CUDA computes in the layer before: Snake of a result that is also read, and of one that is not. */
function followedBySnake(name: string, channels: number, [frameRows, missing]: readonly [number, number]): ItemsCase {
  const weights = {
    v: randomTensor([channels, channels, 7], 3),
    a: randomTensor([channels], 4),
    w: randomTensor([channels, channels, 3], 5),
    c: randomTensor([channels], 6),
    up: randomTensor([channels, channels, 2], 7),
    d: randomTensor([channels], 8),
  };
  const build: ItemsCase["build"] = ({ x, v, a, w, c, up, d }, items) => {
    const first = conv1d(x!, v!, undefined, { padLeft: 3, padRight: 3, items });
    const second = add(first, conv1d(snake(first, a!), w!, undefined, { padLeft: 1, padRight: 1, items }));
    return snake(convTranspose1d(snake(second, c!), up!, undefined, { padLeft: 1, items }), d!);
  };
  return { name, channels, frameRows, missing, weights, build };
}

const same = (kernel: number, dilation = 1) => {
  const padding = ((kernel - 1) * dilation) / 2;
  return { dilation, padLeft: padding, padRight: padding };
};

export const itemsCases: readonly ItemsCase[] = [
  convolution("a convolution of samples", [1, 20, 7], [50, 0], same(7)),
  convolution("a convolution with shifts", [16, 24, 7], [30, 2], same(7, 3)),
  convolution("the fast convolution", [16, 24, 7], [30, 2], { ...same(7, 3), winograd: true }),
  convolution("a convolution that reaches far", [32, 40, 3], [3, 1], same(3, 40)),
  convolution("a convolution of odd channels", [9, 17, 5], [8, 0], { padLeft: 4 }),
  convolution("a strided convolution", [32, 66, 10], [40, 0], { stride: 5, padLeft: 3, padRight: 3 }),
  convolution("a strided convolution of folded taps", [12, 20, 5], [24, 3], { stride: 3, padLeft: 2, padRight: 2 }),
  convolution("a convolution in groups", [32, 40, 3], [20, 1], { ...same(3), groups: 2 }),
  convolution("a convolution channel by channel", [5, 5, 7], [12, 1], { ...same(7), groups: 5 }),
  convolution("a convolution with one output", [40, 1, 7], [60, 7], same(7)),
  convolution("a convolution with few outputs", [24, 2, 7], [9, 2], same(7)),
  convolution("a convolution of many channels", [136, 72, 7], [5, 0], same(7, 3)),
  convolution("a strided convolution of many channels", [128, 136, 8], [20, 0], { stride: 4, padLeft: 2, padRight: 2 }),
  transposed("a transposed convolution of an even stride", [32, 20, 4], [6, 0]),
  transposed("a transposed convolution of an odd stride", [40, 24, 5], [6, 2]),
  transposed("a transposed convolution of stride 1", [16, 24, 1], [7, 1]),
  transposed("a transposed convolution of many channels", [136, 34, 5], [4, 1]),
  residualUnit(16, [30, 3], 3),
  residualUnit(48, [40, 0], 9),
  residualUnit(136, [9, 1], 3),
  followedBySnake("layers followed by Snake", 24, [12, 1]),
  followedBySnake("wide layers followed by Snake", 136, [5, 1]),
];

/** Long enough to be one step on a CPU. */
export const longUnit = residualUnit(16, [300, 3], 3);

/** Frames of items, some of none, and how many there are behind them. */
const LAYOUTS: readonly (readonly [frames: readonly number[], spare: number])[] = [
  [[3, 1, 0, 7, 2], 4],
  [[5], 0],
  [[1, 2, 12, 1, 0], 0],
];

/** What lies in missing rows and behind the last item are numbers like all others. */
export async function checkItems(device: Device, one: ItemsCase, precision: Precision = "fp32"): Promise<void> {
  const { name, channels, frameRows, missing = 0, weights, build } = one;
  for (const [frames, spare] of LAYOUTS) {
    const all = frames.reduce((sum, count) => sum + count, spare);
    const ends = Int32Array.from(frames.map((_, i) => frames.slice(0, i + 1).reduce((sum, count) => sum + count)));
    const data = randomFloats(all * frameRows * channels, 8);
    const together = await compute(
      device,
      { ...weights, x: { data, shape: [1, all * frameRows, channels] }, ends: { data: ends, shape: [ends.length] } },
      precision,
      (values: Values) => build(values, { ends: values.ends!, frameRows, missing }),
    );
    const frameSize = together.length / all;
    for (const [i, count] of frames.entries()) {
      if (count === 0) continue;
      const first = ends[i]! - count;
      const rows = count * frameRows - missing;
      const own = data.subarray(first * frameRows * channels, (first * frameRows + rows) * channels);
      const x = { data: own, shape: [1, rows, channels] };
      const alone = await compute(device, { ...weights, x }, precision, (values: Values) => build(values));
      const start = first * frameSize;
      assert.deepEqual(together.subarray(start, start + alone.length), alone, `${name}, ${precision}: item ${i}`);
    }
  }
}

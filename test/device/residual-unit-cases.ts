/** Chains of residual units that are one kernel each on compute capability 9.0. */
import type { Graph, Value } from "../../lib/graph/graph.js";
import { add, conv1d, snake, sub } from "../../lib/graph/ops/index.js";
import { randomFloats } from "../golden.js";
import { sizeOf } from "../ops/oracles.js";

export interface Units {
  readonly shape: readonly [batch: number, rows: number, channels: number];
  readonly kernel?: number;
  readonly dilations?: readonly number[];
  readonly bias?: boolean;
  /** Whether a convolution of Snake follows, alone or beside what reads the unit's result itself. */
  readonly snake?: "alone" | "beside";
  /** Whether x is audio, whose convolution is in float32. */
  readonly audio?: boolean;
}

export const inputShape = ({ shape: [batch, rows, channels], audio }: Units) => [batch, rows, audio ? 1 : channels];

/** A convolution, so that x is stored as bf16 numbers, and units one after the other. */
export function recordUnits(graph: Graph, given: Value, units: Units): Value {
  const { shape, kernel = 7, dilations = [1], bias = true, snake: follows, audio } = units;
  const channels = shape[2];
  let seed = 0;
  const weight = (scale: number, ...dims: number[]) => {
    const data = randomFloats(sizeOf(dims), ++seed).map((value) => value * scale);
    return graph.constant(data, dims);
  };
  const biasOf = () => (bias ? weight(0.1, channels) : undefined);
  const conv = (x: Value, taps: number, dilation = 1) => {
    const reach = dilation * (taps - 1);
    const w = weight(1 / Math.sqrt(x.dim(2) * taps), channels, x.dim(2), taps);
    return conv1d(x, w, biasOf(), { dilation, padLeft: Math.ceil(reach / 2), padRight: Math.floor(reach / 2) });
  };
  let x = conv(given, audio ? 7 : 1);
  for (const dilation of dilations) {
    x = add(x, conv(snake(conv(snake(x, weight(2, channels)), kernel, dilation), weight(2, channels)), 1));
  }
  if (!follows) return x;
  const y = conv(snake(x, weight(1, channels)), 1);
  return follows === "alone" ? y : sub(y, x);
}

/** Weights that a block keeps and others, columns and blocks of K in part empty, tiles of 128 and 256 rows. */
export const unitCases: readonly Units[] = [
  { shape: [2, 70, 32], dilations: [1, 3, 9] },
  { shape: [1, 1900, 32], dilations: [9], audio: true },
  { shape: [3, 140, 48], dilations: [3], bias: false },
  { shape: [9, 150, 48], dilations: [3, 9], snake: "alone" },
  { shape: [1, 1500, 48], dilations: [9] },
  { shape: [1, 260, 64], dilations: [1, 9], snake: "beside" },
  { shape: [1, 1500, 64], kernel: 5, dilations: [3] },
  { shape: [2, 45, 64], kernel: 1 },
  { shape: [2, 130, 80], kernel: 3, dilations: [1, 9] },
  { shape: [1, 1500, 96], dilations: [9] },
  { shape: [2, 900, 80], dilations: [3, 9], snake: "beside" },
  { shape: [3, 50, 96], dilations: [3], bias: false, snake: "alone" },
  { shape: [1, 300, 128], dilations: [9] },
  { shape: [1, 1400, 128], kernel: 3, dilations: [3, 9], snake: "alone" },
  { shape: [1, 70, 192], dilations: [9] },
  { shape: [3, 150, 192], kernel: 3, dilations: [1, 9], snake: "beside" },
  { shape: [2, 600, 144], kernel: 2, dilations: [3], bias: false, snake: "alone" },
  { shape: [1, 150, 112], kernel: 9, dilations: [7] },
];

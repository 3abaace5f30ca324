/** Residual units of compute capability 9.0 in one kernel, with the bits of the two convolutions they are. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { add, conv1d, snake, sub } from "../../lib/graph/ops/index.js";
import { randomFloats } from "../golden.js";
import { checkItems, type ItemsCase, residualUnit } from "../ops/items.js";
import { sizeOf } from "../ops/oracles.js";
import { randomTensor } from "../ops/support.js";
import { isEmulated, launchesOf, openCuda, type Settings, withEnvironment } from "./cuda-device.js";

/** The same steps as two products, with what lies in between as floats. */
const APART = { LMSPT_CUDA_UNITS: "0" };

interface Units {
  readonly shape: readonly [batch: number, rows: number, channels: number];
  readonly kernel?: number;
  readonly dilations?: readonly number[];
  readonly bias?: boolean;
  /** Whether a convolution of Snake follows, alone or beside what reads the unit's result itself. */
  readonly snake?: "alone" | "beside";
  /** Whether x is audio, whose convolution is in float32. */
  readonly audio?: boolean;
}

const inputShape = ({ shape: [batch, rows, channels], audio }: Units) => [batch, rows, audio ? 1 : channels];

/** A convolution, so that x is stored as bf16 numbers, and units one after the other. */
function record(graph: Graph, units: Units): Value {
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
  let x = conv(graph.input("x", inputShape(units)), audio ? 7 : 1);
  for (const dilation of dilations) {
    x = add(x, conv(snake(conv(snake(x, weight(2, channels)), kernel, dilation), weight(2, channels)), 1));
  }
  if (!follows) return x;
  const y = conv(snake(x, weight(1, channels)), 1);
  return follows === "alone" ? y : sub(y, x);
}

/** A unit of items of different lengths, after a convolution. */
function recordItems(channels: number): ItemsCase {
  const unit = residualUnit(channels, [70, 3], 9);
  return {
    ...unit,
    weights: { ...unit.weights, first: randomTensor([channels, channels, 1], 8) },
    build: (values, items) => unit.build({ ...values, x: conv1d(values.x!, values.first!) }, items),
  };
}

/** How often the kernel runs, the steps, and the result; settings are of the environment while the plan runs. */
async function run(device: Device, units: Units, settings: Settings = {}) {
  const graph = new Graph();
  const plan = await graph.compile(device, { y: record(graph, units) }, [], { precision: "bf16" });
  return withEnvironment(settings, async () => {
    const x = randomFloats(sizeOf(inputShape(units)), 100);
    const before = isEmulated ? launchesOf("sm90_unit_kernel") : 0;
    const { y: result } = (await plan.run({ x })) as Record<string, Float32Array>;
    const launches = isEmulated ? launchesOf("sm90_unit_kernel") - before : 0;
    const { steps } = await plan.trace({ x });
    plan.close();
    graph.close();
    return { result: result!, launches, ops: steps.map(({ op }) => op).filter((op) => !op.startsWith("pack_")) };
  });
}

/** Weights that a block keeps and others, columns and blocks of K in part empty, tiles of 128 and 256 rows. */
const cases: readonly Units[] = [
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
  { shape: [1, 150, 112], kernel: 9, dilations: [7] },
];

describe("residual units of compute capability 9.0", function () {
  this.timeout(120_000);
  let device: Device;
  before(function () {
    device = openCuda();
    const hasEngine = device.description.includes("compute capability 9.0") && process.env.LMSPT_CUDA_WGMMA !== "0";
    if (!hasEngine) this.skip();
  });
  after(() => device.close());

  for (const units of cases) {
    const { shape, dilations = [1] } = units;
    it(`in one kernel have the bits of two convolutions: ${JSON.stringify(units)}`, async () => {
      const apart = await run(device, units, APART);
      const whole = await run(device, units);
      const followers = { alone: ["conv1d"], beside: ["conv1d", "sub"], none: [] }[units.snake ?? "none"];
      const expected = ["conv1d", ...dilations.map(() => "fused_residual_unit"), ...followers];
      assert.deepEqual(whole.ops, expected, shape.join());
      if (isEmulated) assert.deepEqual([apart.launches, whole.launches], [0, dilations.length]);
      assert.deepEqual(whole.result, apart.result);
    });
  }

  it("with too many channels, no multiple of 16, or taps that reach too far, are two kernels", async () => {
    for (const units of [
      { shape: [1, 50, 144] },
      { shape: [1, 50, 40] },
      { shape: [1, 50, 32], dilations: [10] },
      { shape: [1, 50, 32], kernel: 9 },
    ] as const) {
      const { ops, launches } = await run(device, units);
      assert.deepEqual([ops, launches], [["conv1d", "conv1d", "conv1d"], 0], JSON.stringify(units));
    }
  });

  it("do not let what is not finite leave its item", async () => {
    const units: Units = { shape: [2, 70, 32], dilations: [9] };
    const graph = new Graph();
    const plan = await graph.compile(device, { y: record(graph, units) }, [], { precision: "bf16" });
    const x = randomFloats(sizeOf(units.shape), 100);
    const { y: whole } = (await plan.run({ x })) as Record<string, Float32Array>;
    x[x.length / 2 - 1] = Number.POSITIVE_INFINITY; // the last number of the first item
    const { y: spoiled } = (await plan.run({ x })) as Record<string, Float32Array>;
    assert(!spoiled!.slice(0, x.length / 2).every(Number.isFinite));
    assert.deepEqual(spoiled!.slice(x.length / 2), whole!.slice(x.length / 2));
    plan.close();
    graph.close();
  });

  for (const channels of [32, 48, 96, 128]) {
    it(`of ${channels} channels give items of different lengths the bits of each alone`, async () => {
      const before = isEmulated ? launchesOf("sm90_unit_kernel") : 0;
      await checkItems(device, recordItems(channels), "bf16");
      if (isEmulated) assert(launchesOf("sm90_unit_kernel") > before);
    });
  }
});

/** Convolutions on CUDA that apply the Snake of the layer that reads them, with the bits of a pass of its own. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import * as ops from "../../lib/graph/ops/index.js";
import type { Precision } from "../../lib/graph/precision.js";
import { Variable } from "../../lib/graph/variable.js";
import { randomFloats, relativeDistance } from "../golden.js";
import { sizeOf } from "../ops/oracles.js";
import { isEmulated, launchesOf, openCuda, type Settings, withEnvironment } from "./cuda-device.js";
import { PRECISIONS } from "./cuda-precision.js";

const FLOATS = { LMSPT_BF16_STORAGE: "0" };
const ALONE = { LMSPT_NEXT_SNAKE: "0" };

interface Chain {
  readonly channels: number;
  /** Whether gradients are wanted, too. */
  readonly trained?: boolean;
}

/** A convolution, two residual units, one down by 2, one up by 2, a residual unit, a convolution in groups. */
function record(graph: Graph, { channels, trained }: Chain): Record<string, Value> {
  let seed = 0;
  const weights: Value[] = [];
  const weight = (scale: number, ...shape: number[]) => {
    const data = randomFloats(sizeOf(shape), ++seed).map((value) => value * scale);
    const value = graph.variable(Variable.from(data, shape, { frozen: !trained }));
    weights.push(value);
    return value;
  };
  const snake = (x: Value) => ops.snake(x, ops.reshape(weight(1, 1, x.dim(2), 1), [x.dim(2)]));
  const conv = (x: Value, kernel: number, outputs = x.dim(2), stride = 1) => {
    const padLeft = Math.floor((kernel - 1) / 2);
    const w = weight(1 / Math.sqrt(x.dim(2) * kernel), outputs, x.dim(2), kernel);
    return ops.conv1d(x, w, weight(0.1, outputs), { stride, padLeft, padRight: kernel - 1 - padLeft });
  };
  const unit = (x: Value) => ops.add(x, conv(snake(conv(snake(x), 3)), 1));
  const x = graph.input("x", [2, 40, channels]);
  const deep = conv(snake(unit(unit(conv(x, 3)))), 4, channels + 8, 2);
  const up = weight(1 / Math.sqrt(channels), channels + 8, channels, 4);
  const wide = unit(ops.convTranspose1d(snake(deep), up, undefined, { stride: 2, padLeft: 1, padRight: 1 }));
  const groups = weight(0.1, channels, channels / 2, 3);
  const y = snake(ops.conv1d(snake(wide), groups, undefined, { groups: 2, padLeft: 1, padRight: 1 }));
  if (!trained) return { y };
  const gradients = graph.gradients([ops.mean(ops.square(y))], [x, ...weights]);
  return { y, ...Object.fromEntries(gradients.map((value, i) => [`g${i}`, value])) };
}

/** Launches so far of the kernel that goes over rows before they are multiplied. */
const passes = () => (isEmulated ? launchesOf("sm90_operands_kernel") : 0);

/** Settings are of the environment while it is compiled. */
async function run(device: Device, chain: Chain, precision: Precision, settings: Settings = {}) {
  const graph = new Graph();
  const y = record(graph, chain);
  const plan = await withEnvironment(settings, () => graph.compile(device, y, [], { precision }));
  const x = randomFloats(sizeOf(plan.inputs[0]!.shape), 100);
  const before = passes();
  const outputs = (await plan.run({ x })) as Record<string, Float32Array>;
  const made = passes() - before;
  const ops = precision === "bf16" ? (await plan.trace({ x })).steps.map(({ op }) => op) : [];
  plan.close();
  graph.close();
  return { outputs, passes: made, ops: ops.filter((op) => !op.startsWith("pack_")) };
}

/** Of weights in panels, and in rows where the GPU has the engine for them; odd numbers. */
const chains: readonly Chain[] = [
  { channels: 24 },
  { channels: 136 },
  { channels: 22, trained: true },
  { channels: 136, trained: true },
];

describe("Snake in the convolution before it on CUDA", () => {
  let device: Device;
  before(() => {
    device = openCuda();
  });
  after(() => device.close());

  for (const precision of PRECISIONS) {
    it(`${precision}: has the bits of Snake alone`, async () => {
      for (const chain of chains) {
        const alone = await run(device, chain, precision, { ...FLOATS, ...ALONE });
        const { outputs } = await run(device, chain, precision, FLOATS);
        assert.deepEqual(outputs, alone.outputs, JSON.stringify(chain));
      }
    });
  }

  it("leaves no step of its own, nor units that are two kernels, and is no less exact", async () => {
    const chain = { channels: 136 };
    const exact = (await run(device, chain, "fp32")).outputs.y!;
    const alone = await run(device, chain, "bf16", ALONE);
    const joined = await run(device, chain, "bf16");
    const steps = ({ ops }: typeof joined) => ops.filter((op) => op === "snake").length;
    assert.deepEqual([steps(joined), steps(alone)], [1, 2]); // convolutions in groups apply none
    if (isEmulated) assert.deepEqual([joined.passes, alone.passes], [1, 8]);
    const error = ({ outputs }: typeof joined) => relativeDistance(outputs.y!, exact);
    assert(error(joined) <= 1.5 * error(alone), `${error(joined)}, ${error(alone)}`);
    assert.notDeepEqual(joined.outputs, alone.outputs);
  });
});

/** What plans for CUDA join: Snake, sums and residual units go into convolutions, with the bits of the parts. */
import assert from "node:assert/strict";
import { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { add, concat, conv1d, reshape, snake } from "../../lib/graph/ops/index.js";
import type { Precision } from "../../lib/graph/precision.js";
import { randomFloats } from "../golden.js";
import { sizeOf } from "../ops/oracles.js";
import { recordQuantizer, traceBothWays } from "../ops/quantizers.js";
import { openCuda, withEnvironment, withSettings } from "./cuda-device.js";
import { PRECISIONS } from "./cuda-precision.js";

interface Unit {
  readonly shape: readonly [batch: number, rows: number, channels: number];
  readonly kernel?: number;
  readonly dilation?: number;
  readonly bias?: boolean;
}

/** x + conv1d(snake(conv1d(snake(x)))) */
function record(graph: Graph, { shape, kernel = 7, dilation = 1, bias = true }: Unit): Value {
  const channels = shape[2];
  const input = (name: string, ...shape: number[]) => graph.input(name, shape);
  const [x, alpha, beta] = [input("x", ...shape), input("alpha", channels), input("beta", channels)];
  const [w, v] = [input("w", channels, channels, kernel), input("v", channels, channels, 1)];
  const reach = dilation * (kernel - 1);
  const padding = { dilation, padLeft: Math.ceil(reach / 2), padRight: Math.floor(reach / 2) };
  const [b, c] = bias ? [input("b", channels), input("c", channels)] : [undefined, undefined];
  return add(x, conv1d(snake(conv1d(snake(x, alpha), w, b, padding), beta), v, c));
}

/** Steps and result, with fusion as LMSPT_FUSION says. */
async function trace(device: Device, fusion: "0" | "1", precision: Precision, unit: Unit) {
  const graph = new Graph();
  const y = record(graph, unit);
  const plan = await withEnvironment({ LMSPT_FUSION: fusion }, () => graph.compile(device, { y }, [], { precision }));
  const inputs = plan.inputs.map(({ name, shape }, i) => [name, randomFloats(sizeOf(shape), i + 1)]);
  const { steps, outputs } = await plan.trace(Object.fromEntries(inputs));
  return { ops: steps.map(({ op }) => op).filter((op) => !op.startsWith("pack_")), outputs };
}

/**
 * Columns of one tile, of half of one, odd numbers, too many for one kernel; taps as shifts and folded; more tiles than
 * blocks.
 */
const units: readonly Unit[] = [
  { shape: [2, 70, 16], dilation: 3 },
  { shape: [1, 130, 20], dilation: 9 },
  { shape: [1, 150, 64], dilation: 9, bias: false },
  { shape: [3, 40, 68], kernel: 3 },
  { shape: [1, 140, 128], kernel: 3, dilation: 3 },
  { shape: [2, 45, 32], kernel: 1 },
  { shape: [1, 50, 18], kernel: 5 },
  { shape: [2, 30, 5], bias: false },
  { shape: [1, 35, 132], kernel: 3 },
  { shape: [9, 140, 32], kernel: 3 },
  { shape: [9, 130, 60], kernel: 3 },
  { shape: [1, 140, 96], kernel: 3, dilation: 9 },
  { shape: [2, 70, 192], kernel: 3, dilation: 9 },
  { shape: [1, 35, 196], kernel: 3 },
];

describe("quantizers on CUDA", () => {
  let device: Device;
  let cpu: Device;
  before(() => {
    device = openCuda();
    cpu = Device.open("cpu");
  });
  after(async () => {
    await device.close();
    await cpu.close();
  });

  for (const rows of [3, 30, 75]) {
    it(`one kernel gives ${rows} frames the codes of its parts, which are the CPU's`, async () => {
      const build = (graph: Graph) => {
        const [x, other] = [graph.input("x", [1, rows, 64]), graph.input("other", [1, rows, 64])];
        const codes = recordQuantizer(graph, x, [300, 64, 64, 64], other).map(({ code }) => reshape(code, [rows, 1]));
        return { codes: concat(codes, -1) };
      };
      const { plain, fused } = await traceBothWays(device, build);
      assert.deepEqual(fused.ops, ["fused_quantizer", "concat"]);
      assert.deepEqual(fused.outputs, plain.outputs);
      assert.deepEqual(fused.outputs, (await traceBothWays(cpu, build)).plain.outputs);
    });
  }
});

describe("fusion on CUDA", () => {
  let device: Device;
  let takesRows: boolean; // in products of many channels, by the engine for compute capability 9.0
  before(() => {
    device = openCuda();
    takesRows = device.description.includes("compute capability 9.0") && process.env.LMSPT_CUDA_WGMMA !== "0";
    // What is fused away would be rounded in memory otherwise.
    process.env.LMSPT_BF16_STORAGE = "0";
  });
  after(async () => {
    delete process.env.LMSPT_BF16_STORAGE;
    await device.close();
  });

  for (const precision of PRECISIONS) {
    it(`${precision}: a residual unit has the bits of its parts`, async () => {
      for (const unit of units) {
        const parts = await trace(device, "0", precision, unit);
        const whole = await trace(device, "1", precision, unit);
        assert.deepEqual(parts.ops, ["snake", "conv1d", "snake", "conv1d", "add"]);
        const channels = unit.shape[2];
        const fits = channels <= 192 && !(precision !== "fp32" && channels < 16);
        const inRows = takesRows && precision === "bf16" && channels >= 32 && channels % 8 === 0;
        const two = inRows && channels % 16 > 0;
        const one = fits && !two;
        assert.deepEqual(whole.ops, one ? ["fused_residual_unit"] : ["conv1d", "conv1d"], JSON.stringify(unit));
        assert.deepEqual(whole.outputs, parts.outputs, JSON.stringify(unit));
      }
    });
  }

  it("bf16: weights that a block keeps give the bits of those that it reads for each tile", async () => {
    await withSettings({ LMSPT_CUDA_WGMMA: "0" }, async (plain) => {
      for (const unit of units.filter(({ shape }) => shape[2] >= 16 && shape[2] <= 64)) {
        const kept = await trace(plain, "1", "bf16", unit);
        const read = await withEnvironment({ LMSPT_CUDA_KEPT_WEIGHTS: "0" }, () => trace(plain, "1", "bf16", unit));
        assert.deepEqual(kept.ops, ["fused_residual_unit"], JSON.stringify(unit));
        assert.deepEqual(read.outputs, kept.outputs, JSON.stringify(unit));
      }
    });
  });
});

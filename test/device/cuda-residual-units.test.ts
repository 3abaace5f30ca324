/** Residual units of compute capability 9.0 in one kernel, with the bits of the two convolutions they are. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import { randomFloats } from "../golden.js";
import { afterConvolution, checkItems, residualUnit } from "../ops/items.js";
import { sizeOf } from "../ops/oracles.js";
import { isEmulated, launchesOf, openCuda, type Settings, withEnvironment } from "./cuda-device.js";
import { inputShape, recordUnits, type Units, unitCases } from "./residual-unit-cases.js";

/** The same steps as two products, with what lies in between as floats. */
const APART = { LMSPT_CUDA_UNITS: "0" };

/** How often the kernel runs, the steps, and the result; settings are of the environment while the plan runs. */
async function run(device: Device, units: Units, settings: Settings = {}) {
  const graph = new Graph();
  const plan = await graph.compile(device, { y: recordUnits(graph, graph.input("x", inputShape(units)), units) }, [], {
    precision: "bf16",
  });
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

describe("residual units of compute capability 9.0", function () {
  this.timeout(120_000);
  let device: Device;
  before(function () {
    device = openCuda();
    const hasEngine = device.description.includes("compute capability 9.0") && process.env.LMSPT_CUDA_WGMMA !== "0";
    if (!hasEngine) this.skip();
  });
  after(() => device.close());

  for (const units of unitCases) {
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
      { shape: [1, 50, 208] },
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
    const plan = await graph.compile(
      device,
      { y: recordUnits(graph, graph.input("x", inputShape(units)), units) },
      [],
      { precision: "bf16" },
    );
    const x = randomFloats(sizeOf(units.shape), 100);
    const { y: whole } = (await plan.run({ x })) as Record<string, Float32Array>;
    x[x.length / 2 - 1] = Number.POSITIVE_INFINITY; // the last number of the first item
    const { y: spoiled } = (await plan.run({ x })) as Record<string, Float32Array>;
    assert(!spoiled!.slice(0, x.length / 2).every(Number.isFinite));
    assert.deepEqual(spoiled!.slice(x.length / 2), whole!.slice(x.length / 2));
    plan.close();
    graph.close();
  });

  for (const channels of [32, 48, 96, 128, 192]) {
    it(`of ${channels} channels give items of different lengths the bits of each alone`, async () => {
      const before = isEmulated ? launchesOf("sm90_unit_kernel") : 0;
      await checkItems(device, afterConvolution(residualUnit(channels, [70, 3], 9)), "bf16");
      if (isEmulated) assert(launchesOf("sm90_unit_kernel") > before);
    });
  }
});

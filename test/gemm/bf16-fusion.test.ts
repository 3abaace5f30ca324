import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { add, conv1d, snake } from "../../lib/graph/ops/index.js";
import type { Precision } from "../../lib/graph/precision.js";
import { randomFloats } from "../golden.js";
import { onEveryUnit } from "./support.js";

type Build = (graph: Graph) => Value;

/** Steps and result of a graph on random inputs, with fusion as LMSPT_FUSION says. */
async function trace(device: Device, precision: Precision, fusion: "0" | "1", build: Build) {
  process.env.LMSPT_FUSION = fusion;
  try {
    const graph = new Graph();
    const plan = await graph.compile(device, { y: build(graph) }, [], { precision });
    const inputs = plan.inputs.map(({ name, shape }, i) => {
      const count = shape.reduce((a, b) => a * b, 1);
      return [name, randomFloats(count, i + 1)] as const;
    });
    const { steps, outputs } = await plan.trace(Object.fromEntries(inputs));
    return { ops: steps.map(({ op }) => op).filter((op) => op !== "pack_conv1d"), y: outputs.y };
  } finally {
    delete process.env.LMSPT_FUSION;
  }
}

/** The steps with fusion; the results with and without it must have the same bits. */
async function fusedSteps(device: Device, precision: Precision, build: Build): Promise<string[]> {
  const [plain, fused] = [await trace(device, precision, "0", build), await trace(device, precision, "1", build)];
  assert.deepEqual(fused.y, plain.y);
  assert.deepEqual(new Set(plain.ops), new Set(["snake", "conv1d", "add"]));
  return fused.ops;
}

/** A residual unit on (2, rows, channels). */
const unit = (rows: number, channels: number, dilation: number) => (graph: Graph) => {
  const x = graph.input("x", [2, rows, channels]);
  const alpha = (name: string) => graph.input(name, [channels]);
  const pad = 3 * dilation;
  const w = graph.input("w", [channels, channels, 7]);
  const options = { dilation, padLeft: pad, padRight: pad, winograd: true };
  const inner = conv1d(snake(x, alpha("alpha")), w, alpha("bias"), options);
  const v = graph.input("v", [channels, channels, 1]);
  return add(x, conv1d(snake(inner, alpha("beta")), v, alpha("other")));
};

describe("bf16 fusion", () => {
  onEveryUnit((device) => {
    for (const precision of ["bf16", "bf16x3"] as const) {
      it(`${precision}: joins Snake and sum with a convolution, with the same bits`, async () => {
        const steps = await fusedSteps(device(), precision, (graph) => {
          const x = graph.input("x", [2, 45, 24]);
          const options = { dilation: 2, padLeft: 2, padRight: 2 };
          const activated = snake(x, graph.input("alpha", [24]));
          return add(x, conv1d(activated, graph.input("w", [24, 24, 3]), graph.input("b", [24]), options));
        });
        assert.deepEqual(steps, ["conv1d"]);
      });

      for (const [channels, dilation] of [
        [24, 1],
        [32, 3],
        [18, 9],
      ] as const) {
        it(`${precision}: makes one step of a residual unit of ${channels} channels, dilation ${dilation}, with the same bits`, async () => {
          assert.deepEqual(await fusedSteps(device(), precision, unit(2051, channels, dilation)), [
            "fused_residual_unit",
          ]);
        });
      }

      it(`${precision}: leaves a short residual unit in two steps`, async () => {
        assert.deepEqual(await fusedSteps(device(), precision, unit(40, 24, 3)), ["conv1d", "conv1d"]);
      });
    }

    it("leaves what is marked exact in float32", async () => {
      const build = (exact: boolean) => (graph: Graph) =>
        conv1d(graph.input("x", [1, 30, 16]), graph.input("w", [8, 16, 3]), undefined, { exact });
      const [float, bf16] = [
        await trace(device(), "fp32", "1", build(false)),
        await trace(device(), "bf16", "1", build(false)),
      ];
      assert.notDeepEqual(bf16.y, float.y);
      assert.deepEqual((await trace(device(), "bf16", "1", build(true))).y, float.y);
    });

    it("computes in float32 what has no bf16 kernel: groups, few outputs or products, strides with dilations", async () => {
      for (const [outputs, inputs, options] of [
        [8, 4, { groups: 4 }],
        [16, 1, { groups: 16 }],
        [1, 16, {}],
        [8, 16, { stride: 2, dilation: 2 }],
        [8, 5, {}],
      ] as const) {
        const channels = inputs * (("groups" in options ? options.groups : undefined) ?? 1);
        const build = (graph: Graph) =>
          conv1d(graph.input("x", [1, 30, channels]), graph.input("w", [outputs, inputs, 3]), undefined, options);
        assert.deepEqual((await trace(device(), "bf16", "1", build)).y, (await trace(device(), "fp32", "1", build)).y);
      }
    });
  });
});

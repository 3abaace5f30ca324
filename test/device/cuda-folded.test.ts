/**
 * Convolutions over images to few outputs, and gradients towards few inputs, as one product of which what every tap
 * gives is summed afterwards (csrc/ops/conv2d/folded_cuda.h).
 */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { neg } from "../../lib/graph/ops/index.js";
import type { Precision } from "../../lib/graph/precision.js";
import { compute } from "../gemm/support.js";
import { assertClose } from "../golden.js";
import { isEmulated, launchesOf, TILES, useBothDevices, withoutStorage, withSettings } from "./cuda-device.js";
import { PRECISIONS } from "./cuda-precision.js";
import { folded, rounded } from "./product-cases.js";

const REDUCED = ["bf16", "tf32", "bf16x3"] as const satisfies readonly Precision[];

describe("convolutions over images with few columns on CUDA", () => {
  let cpu: Device;
  let cuda: Device;
  useBothDevices((both) => {
    ({ cpu, cuda } = both);
  });

  for (const precision of PRECISIONS) {
    for (const { name, inputs, build } of folded) {
      it(`${precision}: ${name} is that of rounded operands`, async () => {
        const expected = await compute(cpu, rounded(inputs, precision), "fp32", build);
        const before = isEmulated ? launchesOf("fold_kernel") : 0;
        const actual = await compute(cuda, inputs, precision, build);
        assertClose(actual, expected, precision === "bf16x3" ? 1e-5 : 4e-6);
        if (isEmulated) assert.equal(launchesOf("fold_kernel") > before, precision !== "fp32");
      });
    }
  }

  it("read what is stored as bf16 numbers", async () => {
    for (const { name, inputs, build } of folded) {
      const run = () => compute(cuda, inputs, "bf16", ({ x, ...rest }) => build({ ...rest, x: neg(x!) }));
      assert.deepEqual(await run(), await withoutStorage(run), name);
    }
  });

  it("give bf16 numbers", async () => {
    for (const { name, inputs, build } of folded) {
      const run = () => compute(cuda, inputs, "bf16", (values) => neg(build(values)));
      assertClose(await run(), await withoutStorage(run), 2 ** -8, name);
    }
  });

  for (const precision of REDUCED) {
    it(`${precision}: an item has the same bits alone and among others`, async () => {
      for (const { name, inputs, build } of folded) {
        const { data, shape } = inputs.x!;
        const size = data.length / shape[0]!;
        const last = { data: data.slice(data.length - size), shape: [1, ...shape.slice(1)] };
        const all = await compute(cuda, inputs, precision, build);
        const alone = await compute(cuda, { ...inputs, x: last }, precision, build);
        assert.deepEqual(alone, all.slice(all.length - alone.length), name);
      }
    });
  }

  for (const tile of TILES) {
    it(`have the same bits in ${tile} tiles`, () =>
      withSettings({ LMSPT_CUDA_TILE: tile }, async (device) => {
        for (const { name, inputs, build } of folded) {
          const [one, other] = await Promise.all([device, cuda].map((on) => compute(on, inputs, "bf16", build)));
          assert.deepEqual(one, other, name);
        }
      }));
  }

  it("keep what is not finite to the results that its taps reach", async () => {
    for (const { name, inputs, build } of folded) {
      const x = Float32Array.from(inputs.x!.data as Float32Array);
      x[x.length - 1] = Number.NaN;
      const spoiled = { ...inputs, x: { data: x, shape: inputs.x!.shape } };
      const [actual, expected] = await Promise.all([
        compute(cuda, spoiled, "bf16", build),
        compute(cpu, spoiled, "fp32", build),
      ]);
      assert.deepEqual(Array.from(actual, Number.isNaN), Array.from(expected, Number.isNaN), name);
      assert(!actual.every(Number.isNaN), name);
    }
  });
});

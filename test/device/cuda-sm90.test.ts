/**
 * The engine of products for GPUs of compute capability 9.0 (docs/cuda-engine.md): sizes around its tiles, blocks and
 * boxes, borders, strides, batches, what products read and what they add, gradients, row invariance.
 */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { add, conv1d, conv2d, convTranspose1d, linear, snake } from "../../lib/graph/ops/index.js";
import type { Precision } from "../../lib/graph/precision.js";
import { compute } from "../gemm/support.js";
import { assertClose, randomFloats } from "../golden.js";
import { randomTensor } from "../ops/support.js";
import {
  emulation,
  isEmulated,
  launchesOf,
  TILES,
  useBothDevices,
  withEnvironment,
  withSettings,
} from "./cuda-device.js";
import { computeGradients, PRECISIONS } from "./cuda-precision.js";
import { type Build, images, rounded, sequences, shifted } from "./product-cases.js";

const REDUCED = ["bf16", "tf32", "bf16x3"] as const satisfies readonly Precision[];

describe("products of compute capability 9.0", () => {
  let cpu: Device;
  let cuda: Device;
  useBothDevices((both) => {
    ({ cpu, cuda } = both);
  });

  for (const precision of PRECISIONS) {
    for (const { name, inputs, build } of [...sequences, ...images, ...shifted]) {
      it(`${precision}: ${name} is that of rounded operands`, async () => {
        // Convolutions in groups are in float32.
        const rounding = name.includes("groups") ? "fp32" : precision;
        const expected = await compute(cpu, rounded(inputs, rounding), "fp32", build);
        assertClose(await compute(cuda, inputs, precision, build), expected, precision === "bf16x3" ? 1e-5 : 4e-6);
      });
    }
  }

  for (const tile of TILES) {
    it(`have the same bits in ${tile} tiles`, () =>
      withSettings({ LMSPT_CUDA_TILE: tile }, async (device) => {
        for (const { name, inputs, build } of [...sequences.slice(0, 3), images[0]!]) {
          for (const precision of ["bf16", "tf32"] as const) {
            const [one, other] = await Promise.all([
              compute(device, inputs, precision, build),
              compute(cuda, inputs, precision, build),
            ]);
            assert.deepEqual(one, other, `${precision}: ${name}`);
          }
        }
      }));
  }

  it("are switched off by LMSPT_CUDA_WGMMA=0, device by device", () =>
    withSettings({ LMSPT_CUDA_WGMMA: "0" }, async (device) => {
      const { inputs, build } = sequences[2]!;
      const [off, on] = await Promise.all([
        compute(device, inputs, "bf16", build),
        compute(cuda, inputs, "bf16", build),
      ]);
      assertClose(off, on, 4e-6);
    }));

  for (const precision of REDUCED) {
    it(`${precision}: a row has the same bits in any batch and at any place`, async () => {
      const [channels, outputs, rows] = [136, 72, 150];
      const w = randomTensor([outputs, channels, 3], 1);
      const x = randomFloats(rows * channels, 2);
      const convolve = (data: Float32Array, batch: number, length: number) =>
        compute(cuda, { x: { data, shape: [batch, length, channels] }, w }, precision, ({ x, w }) => conv1d(x, w));
      const whole = await convolve(x, 1, rows);
      const twice = await convolve(Float32Array.from([...randomFloats(x.length, 3), ...x]), 2, rows);
      assert.deepEqual(twice.slice(whole.length), whole);
      const part = await convolve(x.slice(7 * channels, 40 * channels), 1, 33);
      assert.deepEqual(part, whole.slice(7 * outputs, 38 * outputs));
    });
  }

  it("keep what is not finite in an image within its item", async () => {
    const { inputs, build } = images[0]!;
    const x = Float32Array.from(inputs.x!.data as Float32Array);
    const half = x.length / 2;
    x[half - 1] = Number.POSITIVE_INFINITY; // the last number of the first item
    const spoiled = await compute(cuda, { ...inputs, x: { data: x, shape: inputs.x!.shape } }, "bf16", build);
    const whole = await compute(cuda, inputs, "bf16", build);
    assert(!spoiled.slice(0, whole.length / 2).every(Number.isFinite));
    assert.deepEqual(spoiled.slice(whole.length / 2), whole.slice(whole.length / 2));
  });

  for (const precision of REDUCED) {
    it(`${precision}: weights of taps that do not reach what is not finite have finite gradients`, async () => {
      const [rows, channels, outputs, taps] = [70, 128, 128, 3];
      const inputs = { x: randomTensor([1, rows, channels], 1), w: randomTensor([outputs, channels, taps], 2) };
      // The last row, which the first tap would meet at an output that is not there.
      (inputs.x.data as Float32Array).fill(Number.POSITIVE_INFINITY, (rows - 1) * channels);
      const { gradients } = await computeGradients(
        cuda,
        inputs,
        randomFloats(rows * outputs, 3),
        precision,
        ({ x, w }) => conv1d(x, w, undefined, { padLeft: 1, padRight: 1 }),
      );
      const ofTap = (tap: number) => (gradients.w as Float32Array).filter((_, i) => i % taps === tap);
      assert(ofTap(0).every(Number.isFinite));
      assert(!ofTap(1).some(Number.isFinite));
    });
  }

  for (const { name, inputs, build } of shifted) {
    it(`${name} is the same with and without shifts, and in a batch`, async () => {
      const whole = await compute(cuda, inputs, "bf16", build);
      await withEnvironment({ LMSPT_CUDA_SHIFTS: "0" }, async () => {
        assertClose(await compute(cuda, inputs, "bf16", build), whole, 4e-6);
      });
      const [items, ...shape] = inputs.x!.shape as [number, ...number[]];
      const item = (inputs.x!.data as Float32Array).slice(-inputs.x!.data.length / items);
      const alone = await compute(cuda, { ...inputs, x: { data: item, shape: [1, ...shape] } }, "bf16", build);
      assert.deepEqual(alone, whole.slice(-alone.length));
    });

    it(`gradients of ${name} are the same with and without shifts`, async () => {
      const { b: _, ...others } = inputs;
      const withoutBias: Build = ({ x, w }) => build({ x: x!, w: w! });
      const gy = randomFloats((await compute(cuda, others, "bf16", withoutBias)).length, 7);
      const gradients = async () => (await computeGradients(cuda, others, gy, "bf16", withoutBias)).gradients;
      const whole = await gradients();
      await withEnvironment({ LMSPT_CUDA_SHIFTS: "0" }, async () => {
        const apart = await gradients();
        for (const of of ["x", "w"] as const) {
          assertClose(apart[of] as Float32Array, whole[of] as Float32Array, 1e-5);
        }
      });
    });
  }

  for (const channels of [32, 48, 96, 136, 192]) {
    it(`a residual unit of ${channels} channels is Snake, convolution, Snake, convolution and sum of rounded values`, async () => {
      const inputs = {
        x: randomTensor([2, 70, channels], 1),
        a: randomTensor([channels], 2),
        v: randomTensor([channels, channels, 3], 3),
        c: randomTensor([channels], 4),
        w: randomTensor([channels, channels, 1], 5),
      };
      const build: Build = ({ x, a, v, c, w }) => {
        const inner = conv1d(snake(x!, a!), v!, undefined, { dilation: 3, padLeft: 3, padRight: 3 });
        return add(conv1d(snake(inner, c!), w!), x!);
      };
      const expected = await compute(cpu, inputs, "fp32", build);
      const actual = await compute(cuda, inputs, "bf16", build);
      assertClose(actual, expected, 2e-2);
      await withSettings({ LMSPT_CUDA_WGMMA: "0" }, async (device) => {
        assertClose(actual, await compute(device, inputs, "bf16", build), 1e-3);
      });
    });
  }

  for (const precision of REDUCED) {
    it(`${precision}: gradients are those of the engine for all GPUs`, () =>
      withSettings({ LMSPT_CUDA_WGMMA: "0" }, async (device) => {
        const builds: readonly (readonly [readonly number[], readonly number[], Build])[] = [
          [
            [2, 80, 136],
            [144, 136, 3],
            ({ x, w }) => conv1d(x!, w!, undefined, { dilation: 3, padLeft: 3, padRight: 3 }),
          ],
          [
            [2, 75, 136],
            [144, 136, 4],
            ({ x, w }) => conv1d(x!, w!, undefined, { stride: 2, padLeft: 1, padRight: 1 }),
          ],
          [[2, 25, 136], [136, 72, 4], ({ x, w }) => convTranspose1d(x!, w!, undefined, { stride: 2, padLeft: 1 })],
          [[136, 144], [152, 144], ({ x, w }) => linear(x!, w!)],
          [[1, 40, 272], [272, 136, 3], ({ x, w }) => conv1d(x!, w!, undefined, { groups: 2, padLeft: 1 })],
          [[2, 26, 3, 64], [72, 64, 5, 1], ({ x, w }) => conv2d(x!, w!, undefined, { stride: [3, 1], pad: [2, 0] })],
          [[1, 5, 20, 64], [64, 64, 3, 9], ({ x, w }) => conv2d(x!, w!, undefined, { stride: [1, 2], pad: [1, 4] })],
          [[1, 14, 11, 72], [40, 72, 2, 1], ({ x, w }) => conv2d(x!, w!, undefined, { stride: [3, 4], pad: [1, 2] })],
          [[2, 26, 3, 128], [128, 128, 5, 1], ({ x, w }) => conv2d(x!, w!, undefined, { stride: [3, 1], pad: [2, 0] })],
          [[1, 5, 24, 136], [128, 136, 3, 3], ({ x, w }) => conv2d(x!, w!, undefined, { stride: [1, 2], pad: [1, 1] })],
          [[1, 9, 10, 128], [128, 128, 2, 2], ({ x, w }) => conv2d(x!, w!, undefined, { stride: [2, 3], dilation: 2 })],
          // Rows for pairs of tiles.
          [[2, 70, 136], [256, 136, 3], ({ x, w }) => conv1d(x!, w!, undefined, { padLeft: 1, padRight: 1 })],
          [[1, 40, 192], [512, 192, 2], ({ x, w }) => conv1d(x!, w!)],
          [[1, 40, 256], [512, 256, 2], ({ x, w }) => conv1d(x!, w!)],
          [[1, 6, 64, 136], [256, 136, 3, 1], ({ x, w }) => conv2d(x!, w!)],
          // Rows that are no multiple of their stride.
          [[1, 9, 7, 64], [64, 64, 3, 9], ({ x, w }) => conv2d(x!, w!, undefined, { stride: [1, 2], pad: [1, 4] })],
          [[2, 4, 5, 32], [32, 32, 3, 4], ({ x, w }) => conv2d(x!, w!, undefined, { stride: [1, 3], pad: [1, 3] })],
          // Few channels and few outputs.
          [
            [2, 300, 48],
            [40, 48, 7],
            ({ x, w }) => conv1d(x!, w!, undefined, { dilation: 3, padLeft: 9, padRight: 9 }),
          ],
          [[2, 7, 21, 2], [32, 2, 3, 9], ({ x, w }) => conv2d(x!, w!, undefined, { stride: [1, 2], pad: [1, 4] })],
          [[2, 41, 3, 1], [32, 1, 5, 1], ({ x, w }) => conv2d(x!, w!, undefined, { stride: [3, 1], pad: [2, 0] })],
          [[2, 7, 9, 40], [1, 40, 3, 3], ({ x, w }) => conv2d(x!, w!, undefined, { pad: 1 })],
          [[2, 20, 23, 64], [64, 64, 3, 9], ({ x, w }) => conv2d(x!, w!, undefined, { stride: [1, 2], pad: [1, 4] })],
          // Positions in several pieces.
          [[2, 560, 128], [136, 128, 1], ({ x, w }) => conv1d(x!, w!)],
        ];
        for (const [i, [xShape, wShape, build]] of builds.entries()) {
          const inputs = { x: randomTensor(xShape, i), w: randomTensor(wShape, i + 1) };
          const size = (await compute(cuda, inputs, precision, build)).length;
          const gy = randomFloats(size, i + 2);
          const [one, other] = await Promise.all([
            computeGradients(cuda, inputs, gy, precision, build),
            computeGradients(device, inputs, gy, precision, build),
          ]);
          for (const name of ["x", "w"] as const) {
            const rounding = precision === "bf16" ? 1e-2 : 1e-5; // what is stored as bf16 numbers may round the other way
            assertClose(one.gradients[name] as Float32Array, other.gradients[name] as Float32Array, rounding);
          }
        }
      }));
  }

  it("are computed by kernels of their own, in single tiles and in pairs", async function () {
    if (!isEmulated) this.skip(); // only the emulation counts what it does
    const kernels = (of: string) => Object.keys(emulation().counts().kernels).filter((name) => name.includes(of));
    for (const [of, parts] of [
      ["sm90_product_kernel", ["Bf16,", "Bf16x3,", "Tf32,", "64, false", "256, true"]],
      [
        "sm90_outer_kernel",
        ["Bf16,", "Bf16x3,", "Tf32,", "64, false", "128, false", "128, true", "192, true", "256, true"],
      ],
    ] as const) {
      for (const part of parts) {
        assert(
          kernels(of).some((name) => name.includes(part)),
          `no kernel with ${part} among ${kernels(of)}`,
        );
      }
    }
    for (const [kernel, cases] of [
      ["sm90_product_kernel", images],
      ["sm90_shifted_kernel", shifted],
    ] as const) {
      for (const { name, inputs, build } of cases) {
        const before = launchesOf(kernel);
        await compute(cuda, inputs, "bf16", build);
        assert(launchesOf(kernel) > before, `${name} is computed otherwise`);
      }
    }
    assert.equal(kernels("sm90_shifted_outer_kernel").length, 3);
    for (const sets of ["<2>", "<4>"])
      assert(
        kernels("sm90_shifted_kernel").some((name) => name.includes(sets)),
        sets,
      );
  });
});

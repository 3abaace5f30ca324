import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import { snake } from "../../lib/graph/ops/index.js";
import { Golden, randomFloats } from "../golden.js";
import { channelsFirst, reshaped } from "./layouts.js";
import { spread, worstError } from "./oracles.js";
import { checkGoldenCase, evaluate, onEveryVariant } from "./support.js";

/** alpha + 1e-9 and its inverse, of a float32 alpha. */
const inverse = (alpha: number) => 1 / (alpha + 1e-9);

async function run(device: Device, x: Float32Array, alpha: Float32Array, gy?: Float32Array) {
  const shape = [x.length / alpha.length, alpha.length];
  const inputs = { x: { data: x, shape }, alpha: { data: alpha, shape: [alpha.length] } };
  return evaluate(device, inputs, ({ x, alpha }) => snake(x, alpha), gy);
}

describe("snake", () => {
  onEveryVariant((device) => {
    it("agrees with the reference, gradients too", async () => {
      const golden = await Golden.load("ops");
      await checkGoldenCase(device(), golden, "snake", ["x", "alpha"], ({ x, alpha }) => snake(x, alpha), {
        x: channelsFirst,
        y: channelsFirst,
        alpha: reshaped([16]),
      });
    });

    // The argument alpha x is rounded to float32 before its sine is taken; the oracle starts from the rounded product.
    // Measured on the worst variant: 1.2e-7 up to 100, 2.0e-6 up to 1e4 (without fused multiply-add).
    for (const [limit, tolerance] of [
      [100, 3e-7],
      [1e4, 4e-6],
    ] as const) {
      it(`sin^2 is within ${tolerance} of double precision for |alpha x| up to ${limit}`, async () => {
        const x = spread(-limit, limit, 40009);
        const { y } = await run(device(), x, Float32Array.of(1));
        const sine = Array.from(x, (x) => Math.sin(x) ** 2 * inverse(1));
        // What is left after x is taken away carries the rounding of the sum: half a unit in the last place of x.
        const part = Array.from(y as Float32Array, (y, i) => y - x[i]!);
        const rounding = limit * 2 ** -24;
        const error = worstError(part, sine, 1);
        assert(error <= tolerance + rounding, `${error}`);
      });
    }

    it("is within 4e-7 of double precision for the alphas that models have, gradients within 4e-6", async () => {
      const alpha = Float32Array.of(1e-3, 0.05, 0.3, 1, 2.5, 9, 30);
      const x = Float32Array.from(randomFloats(alpha.length * 513, 4), (value) => value * 4);
      const gy = randomFloats(x.length, 5);
      const { y, gradients } = await run(device(), x, alpha, gy);
      const expected = new Float64Array(x.length);
      const gx = new Float64Array(x.length);
      const galpha = new Float64Array(alpha.length);
      for (let i = 0; i < x.length; i++) {
        const a = alpha[i % alpha.length]!;
        const argument = a * x[i]!;
        expected[i] = x[i]! + Math.sin(argument) ** 2 * inverse(a);
        gx[i] = gy[i]! * (1 + a * Math.sin(2 * argument) * inverse(a));
        galpha[i % alpha.length]! +=
          gy[i]! * (x[i]! * Math.sin(2 * argument) * inverse(a) - (Math.sin(argument) * inverse(a)) ** 2);
      }
      const allowed = { y: 2e-6, x: 8e-6, alpha: 2e-5 };
      for (const [name, actual, wanted] of [
        ["y", y, expected],
        ["x", gradients.x, gx],
        ["alpha", gradients.alpha, galpha],
      ] as const) {
        const error = worstError(actual, wanted, 1);
        assert(error <= allowed[name], `${name}: ${error}`);
      }
    });

    it("with alpha 0 it is the identity; what is not a number stays so", async () => {
      const x = Float32Array.of(-3, 0, 1e-40, 2.5, NaN, 7);
      const { y } = await run(device(), x, Float32Array.of(0));
      assert.deepEqual(y, x);
    });

    it("a row has the same bits wherever in a batch it lies", async () => {
      const channels = 37;
      const [x, alpha] = [randomFloats(channels * 130, 1), randomFloats(channels, 2).map(Math.abs)];
      const whole = (await run(device(), x, alpha)).y;
      const [start, end] = [channels * 67, channels * 70];
      assert.deepEqual((await run(device(), x.slice(start, end), alpha)).y, whole.slice(start, end));
    });
  });

  it("names the shape that alpha must have", () => {
    const graph = new Graph();
    assert.throws(() => snake(graph.input("x", [1, 10, 32]), graph.input("alpha", [1, 32])), {
      code: "ERR_LMSPT_SHAPE",
      message: "[snake] expected alpha of shape [32], got [1, 32]",
    });
  });
});

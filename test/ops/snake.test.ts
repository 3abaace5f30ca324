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

    // The derivative 1 + sin(2 x) shows the sine bare, which in the result hides behind the rounding of a large x.
    // Measured: 1.7e-7 in every range, on every variant.
    for (const limit of [10, 1000, 1e4]) {
      it(`its sine is within 3.5e-7 of double precision up to ${limit}`, async () => {
        const x = spread(-limit / 2, limit / 2, 40009);
        const { gradients } = await run(device(), x, Float32Array.of(1), new Float32Array(x.length).fill(1));
        const expected = Array.from(x, (x) => 1 + Math.sin(2 * x) * inverse(1));
        const error = worstError(gradients.x, expected, 1);
        assert(error <= 3.5e-7, `${error}`);
      });
    }

    // Measured, beyond half a unit in the last place of the result: 2e-7 of 1 / alpha.
    for (const alpha of [1, 100, 1e4]) {
      it(`is within 4e-7 / alpha and one rounding of double precision for alpha ${alpha}, |alpha x| up to 1e4`, async () => {
        const x = spread(-1e4 / alpha, 1e4 / alpha, 40009);
        const { y } = await run(device(), x, Float32Array.of(alpha));
        for (let i = 0; i < x.length; i++) {
          const expected = x[i]! + Math.sin(Math.fround(alpha * x[i]!)) ** 2 * inverse(alpha);
          const allowed = 4e-7 / alpha + Math.abs(expected) * 2 ** -24;
          assert(Math.abs(y[i]! - expected) <= allowed, `at ${x[i]}: ${y[i]} instead of ${expected}`);
        }
      });
    }

    it("is within 1e-6 of double precision for the alphas that models have, gradients within 2e-5", async () => {
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
      // Measured: 4.6e-7, 6.4e-6 and 9.0e-6; alpha 30 makes the argument's own rounding count.
      const allowed = { y: 1e-6, x: 1.3e-5, alpha: 2e-5 };
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

import assert from "node:assert/strict";
import { FourierTransform } from "../../lib/eval/fourier.js";

function slowTransform(real: Float64Array, imaginary: Float64Array, k: number): [number, number] {
  let [sumReal, sumImaginary] = [0, 0];
  real.forEach((value, n) => {
    const angle = (-2 * Math.PI * k * n) / real.length;
    sumReal += value * Math.cos(angle) - imaginary[n]! * Math.sin(angle);
    sumImaginary += value * Math.sin(angle) + imaginary[n]! * Math.cos(angle);
  });
  return [sumReal, sumImaginary];
}

describe("FourierTransform", () => {
  for (const size of [2, 8, 64]) {
    it(`equals the defining sum for ${size} points`, () => {
      const real = Float64Array.from({ length: size }, (_, n) => Math.sin(n * n + 1));
      const imaginary = Float64Array.from({ length: size }, (_, n) => Math.cos(3 * n));
      const expected = Array.from(real, (_, k) => slowTransform(real, imaginary, k));
      new FourierTransform(size).transform({ real, imaginary });
      expected.forEach(([expectedReal, expectedImaginary], k) => {
        assert.ok(Math.abs(real[k]! - expectedReal) < 1e-10, `real part ${k}`);
        assert.ok(Math.abs(imaginary[k]! - expectedImaginary) < 1e-10, `imaginary part ${k}`);
      });
    });
  }

  for (const size of [0, 1, 3, 1.5, -4, Number.NaN, 2 ** 25]) {
    it(`refuses the size ${size}`, () => {
      assert.throws(() => new FourierTransform(size), { code: "ERR_LMSPT_INVALID_ARGUMENT" });
    });
  }
});

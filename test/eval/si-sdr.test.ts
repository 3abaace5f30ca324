import assert from "node:assert/strict";
import { siSdr } from "../../lib/eval/si-sdr.js";
import { randomFloats } from "../golden.js";

describe("SI-SDR", () => {
  const signal = randomFloats(4000, 1);
  const noise = randomFloats(4000, 2);
  const sum = (gain: number) => signal.map((value, i) => value + gain * noise[i]!);

  it("is the ratio of signal to independent noise in decibels", () => {
    for (const [gain, expected] of [
      [1, 0],
      [0.1, 20],
      [10, -20],
    ] as const) {
      assert(Math.abs(siSdr(signal, sum(gain))! - expected) < 1, `${gain}: ${siSdr(signal, sum(gain))}`);
    }
  });

  it("does not depend on loudness or offset", () => {
    const louder = sum(0.3).map((value) => 0.25 * value + 0.5);
    assert(Math.abs(siSdr(signal, louder)! - siSdr(signal, sum(0.3))!) < 1e-3);
    assert(
      siSdr(
        signal,
        signal.map((value) => -2 * value),
      )! > 100,
    );
  });

  it("is undefined where either is silent, and refused where lengths differ", () => {
    assert.equal(siSdr(new Float32Array(9), signal.subarray(0, 9)), undefined);
    assert.equal(siSdr(signal.subarray(0, 9), new Float32Array(9)), undefined);
    assert.throws(() => siSdr(signal, signal.subarray(1)), {
      code: "ERR_LMSPT_INVALID_ARGUMENT",
      message: /4000 samples, as in the reference/,
    });
  });
});

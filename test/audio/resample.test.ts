import assert from "node:assert/strict";
import { Resampler } from "../../lib/audio/resample.js";
import { LmsptError } from "../../lib/errors.js";
import { Device } from "../../lib/graph/device.js";
import { assertClose, Golden, randomFloats } from "../golden.js";
import { onEveryVariant } from "../ops/support.js";

const USUAL_RATES = [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000];
const MODEL_RATES = [24000, 16000];

/** The definition, in double precision: a sinc at 0.99 of the lower rate's band, under a Hann window of 6 crossings. */
function oracle(x: Float32Array, from: number, to: number): Float64Array {
  const band = Math.min(from, to) * 0.99;
  const reach = (6 * from) / band;
  return Float64Array.from({ length: outputLength(x.length, from, to) }, (_, i) => {
    const centre = (i * from) / to;
    const last = Math.min(x.length - 1, Math.floor(centre + reach));
    let total = 0;
    for (let n = Math.max(0, Math.ceil(centre - reach)); n <= last; n++) {
      const t = ((n * to - i * from) / (from * to)) * band;
      const sinc = t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t);
      total += x[n]! * sinc * Math.cos((Math.PI * t) / 12) ** 2;
    }
    return (total * band) / from;
  });
}

function outputLength(samples: number, from: number, to: number): number {
  return Number((BigInt(samples) * BigInt(to) + BigInt(from) - 1n) / BigInt(from));
}

function refused(message: RegExp) {
  return (error: unknown) => {
    assert(error instanceof LmsptError);
    assert.equal(error.code, "ERR_LMSPT_INVALID_ARGUMENT");
    assert.match(error.message, message);
    return true;
  };
}

describe("resampling", () => {
  onEveryVariant((device) => {
    it("agrees with the reference", async () => {
      const golden = await Golden.load("resample");
      const resampler = new Resampler(device());
      const pairs = golden.names.filter((name) => name.endsWith(".x")).map((name) => name.slice(0, -2));
      assert.equal(pairs.length, 5);
      for (const pair of pairs) {
        const [from, to] = pair.split("_").map(Number) as [number, number];
        const [batch, length] = golden.shape(`${pair}.x`) as [number, number];
        const outputs: number[] = [];
        for (let b = 0; b < batch; b++) {
          const x = golden.floats(`${pair}.x`).subarray(b * length, (b + 1) * length);
          outputs.push(...(await resampler.resample(x, from, to)));
        }
        assertClose(outputs, golden.floats(`${pair}.y`), 1e-5, pair);
      }
    });
  });

  describe("on the best variant", () => {
    let device: Device;
    let resampler: Resampler;
    before(() => {
      device = Device.open("cpu");
      resampler = new Resampler(device);
    });
    after(() => device.close());

    const pairs = MODEL_RATES.flatMap((to) => USUAL_RATES.map((from) => [from, to] as const));
    for (const [from, to] of pairs.filter(([from, to]) => from !== to)) {
      it(`${from} to ${to} Hz: lengths, values and a sine`, async () => {
        for (const length of [0, 1, 2, 999, 1000, 1001]) {
          const x = randomFloats(length, length);
          const y = await resampler.resample(x, from, to);
          assert.equal(y.length, outputLength(length, from, to), `length of ${length} samples`);
          assertClose(y, oracle(x, from, to), 1e-5, `${length} samples`);
        }
        const sine = (rate: number) => Float32Array.from({ length: rate / 5 }, (_, i) => Math.sin(i * (6000 / rate)));
        const inside = (values: Float32Array) => values.subarray(to / 100, to / 5 - to / 100);
        assertClose(inside(await resampler.resample(sine(from), from, to)), inside(sine(to)), 2e-3, "sine");
      });
    }

    for (const [from, to] of [
      [44101, 24000],
      [24000, 44101],
      [7919, 16000],
    ] as const) {
      it(`${from} to ${to} Hz, whose table of weights would be too large, agrees with the definition`, async () => {
        for (const length of [0, 1, 5000]) {
          const x = randomFloats(length, length);
          const y = await resampler.resample(x, from, to);
          assert.equal(y.length, outputLength(length, from, to));
          assertClose(y, oracle(x, from, to), 1e-6, `${length} samples`);
        }
      });
    }

    it("has no seams: long signals agree with the definition, and their beginnings with shorter ones", async () => {
      for (const [from, to, seconds] of [
        [44100, 24000, 5],
        [8000, 24000, 5],
        [48000, 16000, 7],
      ] as const) {
        const x = randomFloats(from * seconds + 17, from);
        const y = await resampler.resample(x, from, to);
        assertClose(y, oracle(x, from, to), 1e-5, `${from} to ${to}`);
        const beginning = await resampler.resample(x.subarray(0, 3.1 * from), from, to);
        assert.deepEqual(beginning.subarray(0, 3 * to), y.subarray(0, 3 * to));
      }
    });

    it("keeps silence silent and the input as it was", async () => {
      assert.deepEqual(await resampler.resample(new Float32Array(500), 44100, 24000), new Float32Array(273));
      const x = randomFloats(500, 1);
      await resampler.resample(x, 44100, 24000);
      assert.deepEqual(x, randomFloats(500, 1));
      assert.equal(await resampler.resample(x, 24000, 24000), x);
    });

    it("serves several calls at once", async () => {
      const jobs = Array.from({ length: 6 }, (_, i) => ({
        x: randomFloats(60000 + i, i),
        from: [8000, 44100][i % 2]!,
      }));
      const results = await Promise.all(jobs.map(({ x, from }) => resampler.resample(x, from, 24000)));
      for (const [i, { x, from }] of jobs.entries()) {
        assert.deepEqual(results[i], await resampler.resample(x, from, 24000));
      }
    });

    it("refuses what is not a rate, and what are not samples", async () => {
      const x = new Float32Array(10);
      for (const rate of [0, -8000, 22050.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "24000", undefined]) {
        await assert.rejects(
          resampler.resample(x, rate as number, 24000),
          refused(/a positive integer for a sample rate/),
        );
        await assert.rejects(
          resampler.resample(x, 24000, rate as number),
          refused(/a positive integer for a sample rate/),
        );
      }
      await assert.rejects(resampler.resample([1, 2] as never, 8000, 24000), refused(/a Float32Array for samples/));
    });

    for (const from of [48000, 44101]) {
      it(`stops when it is aborted, from ${from} Hz`, async () => {
        const reason = new Error("enough");
        await assert.rejects(
          resampler.resample(new Float32Array(10), from, 24000, { signal: AbortSignal.abort(reason) }),
          (error) => error === reason,
        );
        const controller = new AbortController();
        const long = new Float32Array(from * 600);
        const started = performance.now();
        const running = resampler.resample(long, from, 24000, { signal: controller.signal });
        setTimeout(() => controller.abort(reason), 20);
        await assert.rejects(running, (error) => error === reason);
        assert(performance.now() - started < 2000, "stopping took longer than a block");
      });
    }

    it("rejects on a closed device", async () => {
      const closed = Device.open("cpu");
      await closed.close();
      const attempt = new Resampler(closed).resample(new Float32Array(10), 48000, 24000);
      await assert.rejects(attempt, { code: "ERR_LMSPT_CLOSED" });
    });
  });
});

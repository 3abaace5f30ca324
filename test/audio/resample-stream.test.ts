import assert from "node:assert/strict";
import fc from "fast-check";
import { Resampler } from "../../lib/audio/resample.js";
import type { ResampleStream } from "../../lib/audio/resample-stream.js";
import { Device } from "../../lib/graph/device.js";
import { randomFloats } from "../golden.js";

/** All that comes out of a stream for samples cut into pieces of these lengths, the last one repeated. */
async function resampled(stream: ResampleStream, samples: Float32Array, lengths: readonly number[]) {
  const parts: Float32Array[] = [];
  let place = 0;
  for (let i = 0; place < samples.length; i++) {
    const length = lengths[Math.min(i, lengths.length - 1)]!;
    parts.push(await stream.push(samples.subarray(place, place + length)));
    place += length;
  }
  parts.push(await stream.finish());
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

describe("resampling in pieces", () => {
  let device: Device;
  let resampler: Resampler;
  before(() => {
    device = Device.open("cpu");
    resampler = new Resampler(device);
  });
  after(async () => {
    resampler.close();
    await device.close();
  });

  const pairs = [
    [44100, 24000],
    [8000, 24000],
    [48000, 16000],
    [22050, 24000],
    [16000, 16000],
    [44101, 24000],
  ] as const;
  for (const [from, to] of pairs) {
    it(`${from} to ${to} Hz gives the bits of the whole, for pieces and blocks of any size`, async () => {
      const lengths = fc.array(fc.oneof(fc.nat(3), fc.nat(5000)), { minLength: 0, maxLength: 8 });
      await fc.assert(
        fc.asyncProperty(fc.nat(9000), lengths, fc.integer({ min: 1, max: 4000 }), async (length, lengths, block) => {
          const x = randomFloats(length, length + 1);
          const whole = await resampler.resample(x, from, to);
          const pieces = await resampled(resampler.stream(from, to, { block }), x, [...lengths, 700]);
          assert.deepEqual(pieces, whole);
        }),
        { numRuns: from === 44101 ? 5 : 25 },
      );
    });
  }

  it("gives the bits of the whole sample by sample, and across large blocks", async () => {
    const short = randomFloats(600, 1);
    const stream = resampler.stream(44100, 24000, { block: 100 });
    assert.deepEqual(await resampled(stream, short, [1]), await resampler.resample(short, 44100, 24000));
    const long = randomFloats(250_000, 2);
    const whole = await resampler.resample(long, 44100, 24000);
    assert.deepEqual(await resampled(resampler.stream(44100, 24000), long, [100_000, 7]), whole);
  }).timeout(20_000);

  it("holds back no more than a block and the reach of the kernel", async () => {
    const stream = resampler.stream(48000, 24000, { block: 1920 });
    let given = 0;
    for (let pushed = 480; pushed <= 48000; pushed += 480) {
      given += (await stream.push(randomFloats(480, pushed))).length;
      assert(given > pushed / 2 - 1920 - 20 && given <= pushed / 2);
    }
  });

  it("refuses rates that are none and stops when aborted", async () => {
    assert.throws(() => resampler.stream(0, 24000), { code: "ERR_LMSPT_INVALID_ARGUMENT" });
    const reason = new Error("enough");
    for (const from of [44100, 44101]) {
      const stream = resampler.stream(from, 24000, { signal: AbortSignal.abort(reason), block: 10 });
      await assert.rejects(stream.push(new Float32Array(50_000)), (error) => error === reason);
    }
  });
});

import assert from "node:assert/strict";
import { Graph } from "../../lib/graph/graph.js";
import { stft } from "../../lib/nn/stft.js";
import { assertClose, Golden, randomFloats } from "../golden.js";
import { permuted } from "../ops/layouts.js";
import { checkGoldenCase, evaluate, onEveryVariant } from "../ops/support.js";

/** (B, bins, frames, 2) in the reference, (B, frames, bins, 2) in the engine. */
const framesFirst = permuted([0, 2, 1, 3]);

describe("stft", () => {
  let golden: Golden;
  before(async () => {
    golden = await Golden.load("ops");
  });

  onEveryVariant((device) => {
    for (const [nFft, padding] of [
      [256, "center"],
      [512, "match"],
      [2048, "match"],
    ] as const) {
      it(`stft_${nFft}_${padding} agrees with the reference, gradient too`, () =>
        checkGoldenCase(
          device(),
          golden,
          `stft_${nFft}_${padding}`,
          ["x"],
          ({ x }) => stft(x, { nFft, hop: nFft / 4, padding }),
          { y: framesFirst },
        ));
    }

    it("finds a tone in its bin and nowhere else", async () => {
      const [nFft, bin] = [64, 9];
      const x = Float32Array.from({ length: 640 }, (_, i) => Math.cos((2 * Math.PI * bin * i) / nFft));
      const { y, shape } = await evaluate(device(), { x: { data: x, shape: [1, 640] } }, ({ x }) =>
        stft(x, { nFft, hop: 16 }),
      );
      assert.deepEqual(shape, [1, 41, 33, 2]);
      const frame = Array.from({ length: 33 }, (_, k) => Math.hypot(y[(20 * 33 + k) * 2]!, y[(20 * 33 + k) * 2 + 1]!));
      // A tone in the middle of a bin: a quarter of the window in that bin, an eighth in its neighbours.
      const expected = frame.map((_, k) => (k === bin ? nFft / 4 : Math.abs(k - bin) === 1 ? nFft / 8 : 0));
      assertClose(frame, expected, 1e-5);
    });
  });

  it('"match" gives one frame per hop, whatever the length', () => {
    for (const length of [511, 512, 513, 640, 1000]) {
      const graph = new Graph();
      const y = stft(graph.input("x", [2, length]), { nFft: 512, hop: 128, padding: "match" });
      assert.deepEqual(y.shape, [2, Math.ceil(length / 128), 257, 2]);
    }
  });

  it("refuses what it cannot do, saying what it can", () => {
    const graph = new Graph();
    const x = graph.input("x", [1, 1000]);
    const code = "ERR_LMSPT_INVALID_ARGUMENT";
    assert.throws(() => stft(x, { nFft: 63, hop: 16 }), { code, message: /an even number for nFft/ });
    assert.throws(() => stft(x, { nFft: 64, hop: 0 }), { code, message: /at least 1 for hop/ });
    assert.throws(() => stft(x, { nFft: 64, hop: 10, padding: "match" }), { code, message: /a quarter of nFft, 16/ });
    assert.throws(() => stft(x, { nFft: 64, hop: 16, padding: "none" as "center" }), {
      code,
      message: /"center" or "match"/,
    });
    const short = graph.input("short", [1, 32]);
    assert.throws(() => stft(short, { nFft: 64, hop: 16 }), {
      code: "ERR_LMSPT_SHAPE",
      message: /fewer than 32 elements/,
    });
  });

  it("depends on nothing but the samples of a frame", async () => {
    const { Device } = await import("../../lib/graph/device.js");
    await using device = Device.open("cpu");
    const x = randomFloats(2000, 1);
    const run = async (data: Float32Array) =>
      (await evaluate(device, { x: { data, shape: [1, data.length] } }, ({ x }) => stft(x, { nFft: 128, hop: 32 }))).y;
    const [whole, part] = [await run(x), await run(x.slice(320, 1280))];
    const row = 65 * 2;
    assert.deepEqual(part.slice(2 * row, 20 * row), whole.slice(12 * row, 30 * row));
  });
});

import assert from "node:assert/strict";
import { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import { slice } from "../../lib/graph/ops/index.js";
import { melBands, melFilters, whisperLogMel } from "../../lib/nn/mel.js";
import { assertClose, Golden, randomFloats, swapLastTwo } from "../golden.js";
import { differenceQuotient, evaluate, onEveryVariant } from "../ops/support.js";

describe("mel", () => {
  for (const [sampleRate, nFft, mels] of [
    [24000, 1024, 160],
    [16000, 400, 80],
    [16000, 400, 128],
  ] as const) {
    it(`the filters for ${sampleRate} Hz, ${nFft} points and ${mels} mels are those of the reference`, async () => {
      const golden = await Golden.load("ops");
      const name = `mel_filters_${sampleRate}_${nFft}_${mels}`;
      assert.deepEqual(golden.shape(name), [mels, nFft / 2 + 1]);
      assertClose(melFilters(sampleRate, nFft, mels), golden.floats(name), 1e-6);
    });
  }

  it("segments of the bands hold the filters", async () => {
    await using device = Device.open("cpu");
    for (const [sampleRate, nFft, mels] of [
      [24000, 256, 40],
      [24000, 2048, 320],
      [16000, 64, 30],
    ] as const) {
      const graph = new Graph();
      const plan = await graph.compile(device, { ...melBands(graph, sampleRate, nFft, mels) });
      const { starts, weights } = await plan.run({});
      const bins = nFft / 2 + 1;
      const filters = new Float32Array(mels * bins);
      for (let segment = 0; segment <= mels; segment++) {
        for (let bin = starts[segment]!; bin < starts[segment + 1]!; bin++) {
          if (segment > 0) filters[(segment - 1) * bins + bin] = weights[2 * bin]!;
          if (segment < mels) filters[segment * bins + bin] = weights[2 * bin + 1]!;
        }
      }
      assert.equal(starts[mels + 1], bins);
      assert.deepEqual(filters, melFilters(sampleRate, nFft, mels));
    }
  });

  describe("Whisper's log-mel", () => {
    onEveryVariant((device) => {
      it("agrees with the reference", async () => {
        const golden = await Golden.load("whisper_tiny");
        const inputs = { x: { data: golden.floats("target_wav"), shape: golden.shape("target_wav") } };
        const [batch, mels, frames] = golden.shape("target_log_mel");
        const { y, shape } = await evaluate(device(), inputs, ({ x }) => slice(whisperLogMel(x), 1, 0, frames!));
        assert.deepEqual(shape, [batch, frames, mels]);
        assertClose(swapLastTwo(y, shape), golden.floats("target_log_mel"), 1e-5);
      });
    });

    it("its gradient is that of finite differences", async () => {
      await using device = Device.open("cpu");
      const inputs = { x: { data: randomFloats(1600, 1), shape: [1, 1600] } };
      const build = ({ x }: { x: Parameters<typeof whisperLogMel>[0] }) => slice(whisperLogMel(x), 1, 2, 6);
      const gy = randomFloats(6 * 80, 2);
      const { gradients } = await evaluate(device, inputs, build, gy);
      for (const index of [400, 801, 1200]) {
        const quotient = await differenceQuotient(device, inputs, build, gy, "x", index, 2e-3);
        assert(
          Math.abs(gradients.x[index]! - quotient) <= 0.02 * Math.max(1, Math.abs(quotient)),
          `${gradients.x[index]} ${quotient}`,
        );
      }
    });

    it("cuts what is longer than 30 s", async () => {
      await using device = Device.open("cpu");
      const x = randomFloats(481000, 3);
      const run = async (data: Float32Array) =>
        evaluate(device, { x: { data, shape: [1, data.length] } }, ({ x }) => whisperLogMel(x, 128));
      const [long, exact] = [await run(x), await run(x.slice(0, 480000))];
      assert.deepEqual(long.shape, [1, 3000, 128]);
      assert.deepEqual(long.y, exact.y);
    });
  });
});

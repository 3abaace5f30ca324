import assert from "node:assert/strict";
import { magnitudeSpectrogram } from "../../lib/eval/spectrogram.js";
import { peakIndex, sine } from "./support.js";

describe("magnitudeSpectrogram", () => {
  it("shows a sine at its bin with half the window's sum", () => {
    const spectrogram = magnitudeSpectrogram(sine(500, 8000, 2048), { size: 256, hop: 64 });
    assert.equal(spectrogram.length, 33);
    const middle = spectrogram[16]!;
    assert.equal(middle.length, 129);
    assert.equal(peakIndex(middle), 16);
    assert.ok(Math.abs(middle[16]! - 64) < 1e-3);
  });

  it("centres frame t at sample t * hop", () => {
    const samples = new Float32Array(1024);
    samples[512] = 1;
    const levels = magnitudeSpectrogram(samples, { size: 256, hop: 64 }).map((frame) => frame[0]!);
    assert.equal(peakIndex(Float64Array.from(levels)), 8);
    assert.ok(Math.abs(levels[8]! - 1) < 1e-12);
  });

  it("gives one frame of zeros for no samples", () => {
    assert.deepEqual(magnitudeSpectrogram(new Float32Array(0), { size: 4, hop: 2 }), [new Float64Array(3)]);
  });

  it("refuses frames that do not advance", () => {
    assert.throws(() => magnitudeSpectrogram(new Float32Array(8), { size: 4, hop: 0 }), /Expected .* for hop/);
  });
});

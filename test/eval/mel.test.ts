import assert from "node:assert/strict";
import { join } from "node:path";
import { readSafetensors } from "../../lib/data/safetensors-reader.js";
import { hertzToMel, melFilters, melSpectrogram, melToHertz } from "../../lib/eval/mel.js";
import { root } from "../package/root.js";
import { peakIndex, sine } from "./support.js";

describe("the mel scale", () => {
  it("is linear up to 1000 Hz and logarithmic above", () => {
    assert.equal(hertzToMel(500), 7.5);
    assert.equal(hertzToMel(1000), 15);
    assert.ok(Math.abs(hertzToMel(6400) - 42) < 1e-9);
  });

  it("has an inverse", () => {
    for (const hertz of [0, 60, 999, 1000, 4321, 12000]) {
      assert.ok(Math.abs(melToHertz(hertzToMel(hertz)) - hertz) < 1e-8);
    }
  });
});

describe("melFilters", () => {
  for (const [sampleRate, size, bands] of [
    [24000, 1024, 160],
    [16000, 400, 80],
    [16000, 400, 128],
  ] as const) {
    it(`equals the reference for ${sampleRate} Hz, ${size} samples, ${bands} bands`, async () => {
      const { tensors } = await readSafetensors(join(root, "test/fixtures/golden/ops.safetensors"));
      const { shape, data } = tensors.get(`mel_filters_${sampleRate}_${size}_${bands}`)!;
      const filters = melFilters(sampleRate, size, bands);
      assert.deepEqual(shape, [filters.length, filters[0]!.length]);
      const largest = Math.max(...(data as Float32Array));
      filters.forEach((filter, band) => {
        filter.forEach((weight, bin) => {
          const expected = data[band * filter.length + bin] as number;
          assert.ok(Math.abs(weight - expected) < 1e-6 * largest, `band ${band}, bin ${bin}`);
        });
      });
    });
  }

  it("refuses impossible arguments", () => {
    assert.throws(() => melFilters(0, 512, 80), /Expected a number above 0 for sampleRate/);
    assert.throws(() => melFilters(24000, 512, 0), /for bands but received 0/);
  });
});

describe("melSpectrogram", () => {
  const options = { size: 1024, hop: 256, bands: 80 };

  it("peaks in the band of a sine and falls by 20 dB with a tenth of the amplitude", () => {
    const samples = sine(1500, 24000, 12000);
    const loud = melSpectrogram({ samples, sampleRate: 24000 }, options)[20]!;
    const quiet = melSpectrogram({ samples: samples.map((value) => value / 10), sampleRate: 24000 }, options)[20]!;
    const band = peakIndex(loud);
    const centre = melToHertz(((band + 1) * hertzToMel(12000)) / 81);
    assert.ok(Math.abs(centre - 1500) < 40, `the peak lies at ${centre} Hz`);
    assert.ok(Math.abs(loud[band]! - quiet[band]! - 20) < 1e-3);
  });

  it("stops at -100 dB", () => {
    const [silence] = melSpectrogram({ samples: new Float32Array(4000), sampleRate: 24000 }, options);
    assert.ok(silence!.every((level) => level === -100));
  });
});

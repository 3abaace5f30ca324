import assert from "node:assert/strict";
import { describeNonFinite, downmix } from "../../lib/audio/audio.js";

describe("downmix", () => {
  it("takes the mean over the channels", () => {
    const channels = [Float32Array.of(1, 0, -0.5), Float32Array.of(0, 0.5, -0.5), Float32Array.of(0.5, 1, -0.5)];
    assert.deepEqual(downmix({ channels, sampleRate: 8000 }), {
      samples: Float32Array.of(0.5, 0.5, -0.5),
      sampleRate: 8000,
    });
  });

  it("passes mono through", () => {
    const samples = Float32Array.of(0.25, -1.5);
    assert.equal(downmix({ channels: [samples], sampleRate: 8000 }).samples, samples);
  });

  it("refuses no channels and channels of different lengths", () => {
    const invalid = { code: "ERR_LMSPT_INVALID_ARGUMENT" };
    assert.throws(() => downmix({ channels: [], sampleRate: 8000 }), invalid);
    assert.throws(() => downmix({ channels: [new Float32Array(2), new Float32Array(3)], sampleRate: 8000 }), {
      ...invalid,
      message: /equal length.*2, 3/,
    });
  });
});

describe("describeNonFinite", () => {
  it("finds the first NaN or infinity", () => {
    assert.equal(describeNonFinite([Float32Array.of(1, 2)]), undefined);
    const channels = [Float32Array.of(0, 0), Float32Array.of(0, -Infinity)];
    assert.equal(describeNonFinite(channels, 10), "frame 11 of channel 1 is -Infinity");
  });
});

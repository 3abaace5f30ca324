import assert from "node:assert/strict";
import { logMelDistance } from "../../lib/eval/log-mel-distance.js";
import { sine } from "./support.js";

describe("logMelDistance", () => {
  const sampleRate = 24000;
  const samples = sine(300, sampleRate, 4800).map((value, n) => value / 4 + Math.sin(n * n) / 10);

  it("is 0 for the same sound", () => {
    assert.equal(logMelDistance({ samples, sampleRate }, { samples: samples.slice(), sampleRate }), 0);
  });

  it("is 6 dB for half the amplitude", () => {
    const half = { samples: samples.map((value) => value / 2), sampleRate };
    const distance = logMelDistance({ samples, sampleRate }, half);
    assert.ok(Math.abs(distance - 20 * Math.log10(2)) < 0.05, `it is ${distance}`);
  });

  it("is symmetric and large against silence", () => {
    const sound = { samples, sampleRate };
    const silence = { samples: new Float32Array(samples.length), sampleRate };
    assert.equal(logMelDistance(sound, silence), logMelDistance(silence, sound));
    assert.ok(logMelDistance(sound, silence) > 40);
  });

  it("refuses sounds that cannot be compared", () => {
    const sound = { samples, sampleRate };
    assert.throws(() => logMelDistance(sound, { samples, sampleRate: 16000 }), /Expected 24000, .* received 16000/);
    assert.throws(
      () => logMelDistance(sound, { samples: samples.subarray(1), sampleRate }),
      /Expected 4800, as in the reference, for estimate\.samples\.length but received 4799/,
    );
  });
});

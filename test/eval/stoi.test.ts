import assert from "node:assert/strict";
import { speechOf } from "../../bench/support/speech.js";
import { STOI_RATE, stoi } from "../../lib/eval/stoi.js";
import { randomFloats } from "../golden.js";

/** The definition, step by step, with sums instead of transforms. */
function plainStoi(x: Float32Array, y: Float32Array): number {
  const window = Array.from({ length: 256 }, (_, i) => Math.sin((Math.PI * (i + 1)) / 257) ** 2);
  const framesOf = (signal: ArrayLike<number>) => {
    const frames: number[][] = [];
    for (let start = 0; start < signal.length - 256; start += 128) {
      frames.push(window.map((w, i) => w * signal[start + i]!));
    }
    return frames;
  };
  const energy = (frame: readonly number[]) => 10 * Math.log10(frame.reduce((sum, v) => sum + v * v, 0) + 1e-30);
  const [allX, allY] = [framesOf(x), framesOf(y)];
  const loudest = Math.max(...allX.map(energy));
  const kept = allX.flatMap((frame, i) => (energy(frame) > loudest - 40 ? [i] : []));
  const joined = (frames: readonly number[][]) => {
    const signal = new Array<number>((kept.length - 1) * 128 + 256).fill(0);
    kept.forEach((index, i) => {
      frames[index]!.forEach((value, j) => {
        signal[i * 128 + j]! += value;
      });
    });
    return signal;
  };
  const bands = (signal: ArrayLike<number>) =>
    framesOf(signal).map((frame) =>
      Array.from({ length: 15 }, (_, k) => {
        let power = 0;
        const edge = (half: number) => Math.round((150 * 2 ** ((2 * k + half) / 6) * 512) / 10000);
        for (let bin = edge(-1); bin < edge(1); bin++) {
          let [re, im] = [0, 0];
          frame.forEach((value, n) => {
            re += value * Math.cos((2 * Math.PI * bin * n) / 512);
            im += value * Math.sin((2 * Math.PI * bin * n) / 512);
          });
          power += re * re + im * im;
        }
        return Math.sqrt(power);
      }),
    );
  const [bx, by] = [bands(joined(allX)), bands(joined(allY))];
  const scores: number[] = [];
  for (let end = 30; end <= bx.length; end++) {
    for (let band = 0; band < 15; band++) {
      const a = bx.slice(end - 30, end).map((frame) => frame[band]!);
      const raw = by.slice(end - 30, end).map((frame) => frame[band]!);
      const gain = Math.sqrt(a.reduce((s, v) => s + v * v, 0) / raw.reduce((s, v) => s + v * v, 1e-30));
      const b = raw.map((value, i) => Math.min(value * gain, a[i]! * (1 + 10 ** 0.75)));
      const mean = (values: readonly number[]) => values.reduce((s, v) => s + v, 0) / values.length;
      const [ma, mb] = [mean(a), mean(b)];
      const cov = a.reduce((s, v, i) => s + (v - ma) * (b[i]! - mb), 0);
      const va = a.reduce((s, v) => s + (v - ma) ** 2, 0);
      const vb = b.reduce((s, v) => s + (v - mb) ** 2, 0);
      scores.push(cov / Math.sqrt(va * vb));
    }
  }
  return scores.reduce((s, v) => s + v, 0) / scores.length;
}

describe("STOI", () => {
  let speech: Float32Array;
  const noisy = (gain: number) => {
    const noise = randomFloats(speech.length, 3);
    return speech.map((value, i) => value + gain * noise[i]!);
  };
  before(async () => {
    speech = await speechOf(2, STOI_RATE);
  });

  it("is what its definition gives", () => {
    const estimate = noisy(0.05);
    assert(Math.abs(stoi(speech, estimate)! - plainStoi(speech, estimate)) < 1e-6);
  });

  it("is 1 for the same speech, whatever its loudness, and falls as noise rises", () => {
    assert(Math.abs(stoi(speech, speech)! - 1) < 1e-6);
    assert(
      Math.abs(
        stoi(
          speech,
          speech.map((value) => value / 4),
        )! - 1,
      ) < 1e-6,
    );
    const scores = [0.01, 0.1, 1].map((gain) => stoi(speech, noisy(gain))!);
    assert(scores[0]! > scores[1]! && scores[1]! > scores[2]! && scores[2]! < 0.5, String(scores));
  });

  it("is undefined where too little is sound, and refused where lengths differ", () => {
    assert.equal(stoi(new Float32Array(2000), new Float32Array(2000)), undefined);
    assert.equal(stoi(new Float32Array(0), new Float32Array(0)), undefined);
    assert.equal(stoi(new Float32Array(STOI_RATE), speech.subarray(0, STOI_RATE)), undefined);
    assert.throws(() => stoi(speech, speech.subarray(1)), { code: "ERR_LMSPT_INVALID_ARGUMENT" });
  });
});

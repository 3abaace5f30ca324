import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadAudio } from "../../lib/audio/decode.js";
import { Resampler } from "../../lib/audio/resample.js";
import { encodeWav } from "../../lib/audio/wav.js";
import { decodeTokenFile, encodeTokenFile } from "../../lib/data/token-file.js";
import { type Tokens, tokenCodes } from "../../lib/data/tokens.js";
import { Device } from "../../lib/graph/device.js";
import type { Value } from "../../lib/graph/graph.js";
import { packageRoot } from "../../lib/graph/native.js";
import { slice } from "../../lib/graph/ops/index.js";
import type { LmSpt } from "../../lib/models/lmspt.js";
import { TINY_CONFIG } from "../../lib/models/presets.js";
import { type DecodeMode, Tokenizer } from "../../lib/models/tokenizer.js";
import { randomFloats } from "../golden.js";
import { compute, NARROW_FIELDS, randomModel, saveModel, useFolder } from "./small-models.js";

const HOP = 1920;

/** Codes of K codebooks as (1, frames, K). */
function interleaved(codebooks: readonly Int32Array[]): Int32Array {
  const count = codebooks.length;
  return Int32Array.from({ length: count * codebooks[0]!.length }, (_, i) => codebooks[i % count]![(i / count) | 0]!);
}

/** The first codebook is semantic, the other seven are acoustic. */
const semantic = (codes: Value) => slice(codes, 2, 0, 1);
const acoustic = (codes: Value, count = 7) => slice(codes, 2, 1, count);

describe("the tokenizer", () => {
  const path = useFolder();
  let device: Device;
  let model: LmSpt;
  let tokenizer: Tokenizer;
  before(async () => {
    device = Device.open("cpu");
    model = await randomModel(TINY_CONFIG, 1);
    tokenizer = await Tokenizer.load("random:1:tiny", { device: "cpu" });
  });
  after(() => Promise.all([device.close(), tokenizer.close()]));

  const decodeWhole = (tokens: Tokens, build: (codes: Value) => Value) =>
    compute(device, interleaved(tokenCodes(tokens)), [1, tokens.frames, 8], build);

  it("tells what it is", () => {
    const { info, sampleRate, outputSampleRate, frameRate, samplesPerFrame, config } = tokenizer;
    assert.deepEqual(
      { sampleRate, outputSampleRate, frameRate, samplesPerFrame },
      { sampleRate: 24000, outputSampleRate: 24000, frameRate: 12.5, samplesPerFrame: HOP },
    );
    assert.deepEqual(config, TINY_CONFIG);
    assert.equal(info.name, "random:1:tiny");
    assert.equal(info.untrained, true);
    assert.match(info.source, /random weights of the shape tiny/);
    assert.match(info.model, /^sha256:[0-9a-f]{64}$/);
    assert.match(info.device, /^cpu \(/);
    assert.equal(info.fallbackReason, undefined);
    const trained = model.parameters.filter(({ name }) => !name.includes("vocab_usage"));
    const count = trained.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
    assert.equal(info.parameters, count);
  });

  describe("gives back every length from 0 to 6000 samples", () => {
    let narrow: Tokenizer;
    before(async () => {
      await mkdir(path("narrow"));
      await saveModel(await randomModel(NARROW_FIELDS), path("narrow"));
      narrow = await Tokenizer.load(path("narrow"), { device: "cpu", threads: 1 });
    });
    after(() => narrow.close());

    const audio = randomFloats(6000, 1);
    for (let first = 0; first <= 6000; first += 500) {
      const last = Math.min(6000, first + 499);
      it(`${first} to ${last}`, async () => {
        const inputs = Array.from({ length: last - first + 1 }, (_, i) => audio.subarray(0, first + i));
        const tokens = await narrow.encode(inputs);
        const speech = await narrow.decode(tokens);
        assert.equal(speech.length, inputs.length);
        for (const [i, { length }] of inputs.entries()) {
          assert.equal(tokens[i]!.samples, length);
          assert.equal(tokens[i]!.frames, Math.ceil(length / HOP));
          assert.equal(speech[i]!.samples.length, length);
        }
      });
    }

    it("0 gives no frames, no samples and no progress", async () => {
      const onProgress = () => assert.fail("nothing was done");
      const tokens = await narrow.encode(new Float32Array(0), { onProgress });
      assert.deepEqual(tokenCodes(tokens), [new Int32Array(0), new Int32Array(0)]);
      assert.deepEqual(await narrow.decode(tokens, { onProgress }), {
        samples: new Float32Array(0),
        sampleRate: 24000,
      });
    });
  });

  for (const frames of [376, 1000]) {
    it(`gives for ${frames} frames, bit for bit, what one piece gives`, async () => {
      const audio = randomFloats(frames * HOP - 700, frames).map((sample) => sample / 2);
      const padded = new Float32Array(frames * HOP);
      padded.set(audio);
      const tokens = await tokenizer.encode(audio);
      const codes = await compute(device, padded, [1, padded.length, 1], (x) => model.encode(x));
      assert.deepEqual(interleaved(tokenCodes(tokens)), codes);

      const speech = await tokenizer.decode(tokens);
      const whole = await decodeWhole(tokens, (codes) => model.decode(semantic(codes), acoustic(codes)));
      assert.equal(speech.samples.length, audio.length);
      assert.deepEqual(speech.samples, whole.subarray(0, audio.length));

      const aux = await tokenizer.decode(tokens, { mode: "aux" });
      const wholeAux = await decodeWhole(tokens, (codes) => model.decodeAux(semantic(codes)));
      assert.equal(aux.samples.length, Math.floor((audio.length * 2) / 3));
      assert.deepEqual(aux.samples, wholeAux.subarray(0, aux.samples.length));
    }).timeout(60000);
  }

  it("fills the last samples, which the decoders do not give, with silence", async () => {
    const tokens = await tokenizer.encode(randomFloats(5 * HOP, 2));
    const given = await decodeWhole(tokens, (codes) => model.decode(semantic(codes), acoustic(codes)));
    assert.equal(given.length, 5 * HOP - 4);
    const { samples } = await tokenizer.decode(tokens);
    assert.deepEqual(samples.subarray(0, -4), given);
    assert.deepEqual(samples.subarray(-4), new Float32Array(4));
  });

  it("decodes in every mode, and from any number of codebooks", async () => {
    const tokens = await tokenizer.encode(randomFloats(7 * HOP, 3));
    const expected: [object, number, (codes: Value) => Value][] = [
      [{}, 24000, (codes) => model.decode(semantic(codes), acoustic(codes))],
      [{ mode: "full" }, 24000, (codes) => model.decode(semantic(codes), acoustic(codes))],
      [{ mode: "semantic" }, 24000, (codes) => model.decode(semantic(codes), undefined)],
      [{ mode: "acoustic" }, 24000, (codes) => model.decode(undefined, acoustic(codes))],
      [{ mode: "aux" }, 16000, (codes) => model.decodeAux(semantic(codes))],
      [{ codebooks: 1 }, 24000, (codes) => model.decode(semantic(codes), undefined)],
      ...[2, 3, 4, 5, 6, 7, 8].map((n): [object, number, (codes: Value) => Value] => [
        { mode: "full", codebooks: n },
        24000,
        (codes) => model.decode(semantic(codes), acoustic(codes, n - 1)),
      ]),
    ];
    const seen = new Set<string>();
    for (const [options, sampleRate, build] of expected) {
      const speech = await tokenizer.decode(tokens, options);
      assert.equal(speech.sampleRate, sampleRate);
      assert.equal(speech.samples.length, (7 * HOP * sampleRate) / 24000);
      const whole = await decodeWhole(tokens, build);
      assert.deepEqual(speech.samples.subarray(0, whole.length), whole, JSON.stringify(options));
      seen.add(Buffer.from(whole.buffer).toString("base64"));
    }
    assert.equal(seen.size, 10, "every choice sounds different");
  });

  it("gives for a batch what single calls give", async () => {
    const audio = [1, 0, 5000, HOP, 3 * HOP + 1, 20 * HOP].map((length) => randomFloats(length, length));
    const tokens = await tokenizer.encode(audio);
    const speech = await tokenizer.decode(tokens, { codebooks: 3 });
    for (const [i, samples] of audio.entries()) {
      const single = await tokenizer.encode(samples);
      assert.deepEqual(tokens[i], single);
      assert.deepEqual(speech[i], await tokenizer.decode(single, { codebooks: 3 }));
    }
    assert.deepEqual(await tokenizer.encode([]), []);
    assert.deepEqual(await tokenizer.decode([]), []);
  });

  describe("takes sound in any form", () => {
    const speechFile = join(packageRoot(), "test", "fixtures", "audio", "speech-1s.flac");
    let resampler: Resampler;
    before(() => {
      resampler = new Resampler(device);
    });

    it("of any rate", async () => {
      for (const rate of [8000, 11025, 16000, 22050, 24000, 44100, 48000, 96000, 44101]) {
        const samples = randomFloats(rate / 2, rate);
        const tokens = await tokenizer.encode({ samples, sampleRate: rate });
        const resampled = await resampler.resample(samples, rate, 24000);
        assert.equal(tokens.samples, resampled.length);
        assert.deepEqual(tokens, await tokenizer.encode(resampled));
      }
    });

    it("with several channels, from a file", async () => {
      const left = randomFloats(22050, 1);
      const right = randomFloats(22050, 2).map((sample) => sample / 2);
      await writeFile(
        path("stereo.wav"),
        encodeWav({ channels: [left, right], sampleRate: 44100 }, { encoding: "float32" }),
      );
      const samples = left.map((sample, i) => (sample + right[i]!) / 2);
      const tokens = await tokenizer.encode(path("stereo.wav"));
      assert.equal(tokens.samples, 12000);
      assert.deepEqual(tokens, await tokenizer.encode({ samples, sampleRate: 44100 }));
    });

    it("from a compressed file, and files mixed with samples", async () => {
      const audio = await loadAudio(speechFile);
      const [fromFile, fromAudio] = await tokenizer.encode([speechFile, audio]);
      assert.deepEqual(fromFile, fromAudio);
      assert(fromFile!.frames >= 12);
    });

    it("as part of a larger array, which stays as it is", async () => {
      const large = randomFloats(3 * HOP, 4);
      const tokens = await tokenizer.encode(large.subarray(11, 11 + HOP));
      assert.deepEqual(tokens, await tokenizer.encode(large.slice(11, 11 + HOP)));
      assert.deepEqual(large, randomFloats(3 * HOP, 4));
    });
  });

  describe("is deterministic", () => {
    const audio = randomFloats(50 * HOP, 9);
    let expected: Tokens;
    before(async () => {
      expected = await tokenizer.encode(audio);
    });

    for (const threads of [1, 2, 3]) {
      it(`after another load, with ${threads} threads`, async () => {
        await using other = await Tokenizer.load("random:1:tiny", { device: "cpu", threads });
        assert.deepEqual(await other.encode(audio), expected);
        for (const mode of ["full", "aux"] satisfies DecodeMode[]) {
          assert.deepEqual(await other.decode(expected, { mode }), await tokenizer.decode(expected, { mode }));
        }
      });
    }

    it("and another seed gives other tokens under another fingerprint", async () => {
      await using other = await Tokenizer.load("random:2:tiny", { device: "cpu" });
      const tokens = await other.encode(audio.subarray(0, 10 * HOP));
      assert.notEqual(tokens.model, expected.model);
      assert.notDeepEqual(tokens.semantic[0], expected.semantic[0]!.subarray(0, 10));
    });

    it("and tokens stay good in a file", async () => {
      const copy = decodeTokenFile(encodeTokenFile(expected));
      assert.deepEqual(await tokenizer.decode(copy), await tokenizer.decode(expected));
    });
  });
});

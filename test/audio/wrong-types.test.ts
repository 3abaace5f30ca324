import { downmix } from "../../lib/audio/audio.js";
import { decodeAudio, loadAudio } from "../../lib/audio/decode.js";
import { Resampler } from "../../lib/audio/resample.js";
import { decodeWav, encodeWav } from "../../lib/audio/wav.js";
import { WavReader } from "../../lib/audio/wav-reader.js";
import { WavWriter } from "../../lib/audio/wav-writer.js";
import { assertRefused, wrong } from "../refusals.js";

const audio = { samples: new Float32Array(4), sampleRate: 16000 };
const wav = encodeWav(audio);

describe("audio functions refuse arguments of a wrong type", () => {
  it("when they read", () =>
    assertRefused([
      [() => decodeAudio(wav, { signal: wrong(5) }), "Expected an AbortSignal for signal but received 5"],
      [() => loadAudio(wav, wrong(null)), "Expected an object for the options but received null"],
      [() => loadAudio("a\0b.wav"), "Expected a path (text without null characters) for the file but received"],
      [() => decodeWav(wrong("x")), 'Expected a Uint8Array for bytes but received "x"'],
      [() => WavReader.open(wrong(5)), "Expected a path"],
      [() => WavReader.from(wrong(5)), "Expected a ByteSource"],
      [() => WavReader.fromBytes(wrong(5)), "Expected a Uint8Array for bytes but received 5"],
    ]));

  it("when they write", () =>
    assertRefused([
      [() => encodeWav(wrong(undefined)), "Expected an object for audio but received undefined"],
      [() => encodeWav({ ...audio, samples: wrong([0]) }), "Expected a Float32Array for a channel"],
      [() => encodeWav(audio, wrong("pcm16")), 'Expected an object for the options but received "pcm16"'],
      [() => WavWriter.create("x.wav", wrong(undefined)), "Expected an object for the options but received undefined"],
      [() => WavWriter.create(wrong(5), { sampleRate: 16000 }), "Expected a path"],
    ]));

  it("when they compute", () =>
    assertRefused([
      [() => downmix(wrong(5)), "Expected an object for audio but received 5"],
      [() => downmix({ channels: wrong(5), sampleRate: 1 }), "Expected an array for channels but received 5"],
      [() => downmix({ channels: [wrong([1])], sampleRate: 1 }), "Expected a Float32Array for a channel"],
      [() => new Resampler(wrong(5)).resample(audio.samples, 16000, 8000), "Expected a Device"],
      [() => new Resampler(wrong(5)).resample(audio.samples, 1, 1, { signal: wrong({}) }), "Expected an AbortSignal"],
    ]));
});

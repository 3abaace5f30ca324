/** Speech of any length, made of the recordings in this repository. */
import { join } from "node:path";
import { loadAudio } from "../../lib/audio/decode.js";
import { Resampler } from "../../lib/audio/resample.js";
import { Device } from "../../lib/graph/device.js";
import { packageRoot } from "../../lib/graph/native.js";

const RECORDINGS = ["examples/speech.wav", "test/fixtures/audio/speech.wav"];
const GAINS = [1, 0.7, 0.85, 0.5];

/** The recordings in turn, each time at another loudness, until there are enough samples. */
export async function speechOf(seconds: number, sampleRate: number): Promise<Float32Array> {
  const recordings: Float32Array[] = [];
  await using device = Device.open("cpu", { threads: 1 });
  const resampler = new Resampler(device);
  for (const path of RECORDINGS) {
    const audio = await loadAudio(join(packageRoot(), path));
    recordings.push(await resampler.resample(audio.samples, audio.sampleRate, sampleRate));
  }
  const clip = new Float32Array(Math.round(seconds * sampleRate));
  for (let start = 0, turn = 0; start < clip.length; turn++) {
    const recording = recordings[turn % recordings.length]!.subarray(0, clip.length - start);
    const gain = GAINS[turn % GAINS.length]!;
    clip.set(
      recording.map((sample) => sample * gain),
      start,
    );
    start += recording.length;
  }
  return clip;
}

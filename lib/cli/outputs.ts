import { setImmediate } from "node:timers/promises";
import type { Audio } from "../audio/audio.js";
import type { WavWriteEncoding } from "../audio/wav-format.js";
import { WavWriter } from "../audio/wav-writer.js";

const BLOCK_SAMPLES = 2 ** 18;

/** Writes speech as a WAV file that appears when it is complete. Rejects with `signal.reason` on abort. */
export async function writeSpeech(
  path: string,
  { samples, sampleRate }: Audio,
  { encoding, signal }: { encoding: WavWriteEncoding; signal: AbortSignal },
): Promise<void> {
  await using writer = await WavWriter.create(path, { sampleRate, encoding });
  for (let start = 0; start < samples.length; start += BLOCK_SAMPLES) {
    await writer.write(samples.subarray(start, start + BLOCK_SAMPLES));
    await setImmediate();
    signal.throwIfAborted();
  }
  await writer.close();
}

import { setImmediate } from "node:timers/promises";
import type { Audio } from "../audio/audio.js";
import type { WavWriteEncoding } from "../audio/wav-format.js";
import { WavWriter } from "../audio/wav-writer.js";
import { AtomicFile } from "../io/atomic-file.js";

const BLOCK_SAMPLES = 2 ** 18;

/** Writes a file that appears under its name only when it is complete. Rejects with `signal.reason` on abort. */
export async function writeWhole(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
  const file = await AtomicFile.create(path);
  try {
    await file.write(bytes, 0);
    signal.throwIfAborted();
  } catch (error) {
    await file.discard();
    throw error;
  }
  await file.commit();
}

/** Writes speech as a WAV file in the same way. */
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

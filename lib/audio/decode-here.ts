/**
 * Decoding in the calling thread, which does nothing else until it is done: for threads that were started for that, where
 * one more for each file would cost more than the file. Whoever starts them has to end those that get stuck.
 */
import { FormatError, LmsptError } from "../errors.js";
import { describeNonFinite, type MultiChannelAudio } from "./audio.js";
import type { ByteSource } from "./byte-source.js";
import { explainDamage } from "./damaged-stream.js";
import { damaged } from "./decode-compressed.js";
import { decodeStream } from "./decode-stream.js";
import { sniffAudio } from "./sniff.js";
import { joinParts, type SoundPart } from "./sound-part.js";
import type { CompressedFormat } from "./stream-decoders.js";
import { bytesInMemory } from "./sync-bytes.js";
import { WavReader } from "./wav-reader.js";

/** The frames [start, start + frames) of a recording. */
export interface FrameSpan {
  readonly start: number;
  readonly frames: number;
}

/**
 * Decodes a recording, or the frames that `choose` picks once its length is known; of WAV files only those are read. The
 * source is closed. @throws as `decodeAudio` does
 */
export async function decodeHere(
  source: ByteSource,
  choose: (frames: number, sampleRate: number) => FrameSpan = (frames) => ({ start: 0, frames }),
): Promise<MultiChannelAudio> {
  try {
    const { format, start } = await sniffAudio(source);
    if (format === "wav") return await decodeWav(source, choose);
    const audio = await decodeCompressed(format, await source.read(start, source.size - start), start);
    const span = choose(audio.channels[0]!.length, audio.sampleRate);
    return { ...audio, channels: audio.channels.map((samples) => samples.slice(span.start, span.start + span.frames)) };
  } finally {
    await source.close();
  }
}

async function decodeWav(
  source: ByteSource,
  choose: (frames: number, sampleRate: number) => FrameSpan,
): Promise<MultiChannelAudio> {
  await using reader = await WavReader.from(source);
  const { sampleRate, frames } = reader.format;
  const { start, frames: wanted } = choose(frames, sampleRate);
  const channels = await reader.read(start, wanted);
  const problem = describeNonFinite(channels, start);
  if (problem) throw new FormatError(`Expected finite samples but ${problem}`);
  return { channels, sampleRate };
}

async function decodeCompressed(
  format: CompressedFormat,
  bytes: Uint8Array,
  start: number,
): Promise<MultiChannelAudio> {
  const parts: SoundPart[] = [];
  try {
    for await (const part of decodeStream(format, bytesInMemory(bytes))) {
      if (part.channels.length > 0) parts.push(part);
    }
  } catch (cause) {
    if (cause instanceof LmsptError) throw cause;
    const { message, offset } = explainDamage(cause);
    throw damaged(format, message, offset === undefined ? undefined : start + offset, cause);
  }
  const { sampleRate, channels } = joinParts(parts);
  return { sampleRate, channels };
}

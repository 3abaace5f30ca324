import { AN_ABORT_SIGNAL, checkOptions } from "../arguments.js";
import { LmsptError } from "../errors.js";
import type { Audio, MultiChannelAudio } from "./audio.js";
import { downmix } from "./audio.js";
import { finiteBlocks, openSniffed } from "./audio-stream.js";
import type { ByteSource } from "./byte-source.js";
import { decodeCompressed } from "./decode-compressed.js";
import { WavReader } from "./wav-reader.js";
import { allocateChannels } from "./wav-samples.js";

const OPTIONS = { signal: AN_ABORT_SIGNAL };

export interface DecodeAudioOptions {
  /** Stops the decoding; the promise rejects with `signal.reason`. */
  signal?: AbortSignal;
  /** Refuses files with more samples over all channels (ERR_LMSPT_UNSUPPORTED): protects from files that unfold hugely. */
  maxSamples?: number;
}

/**
 * Decodes a whole audio file: WAV, FLAC, MP3, Ogg Vorbis or Ogg Opus, recognised by content. The event loop stays free.
 *
 * @param input a path, or the bytes of the file (left as they are)
 * @throws FormatError for unknown content and for damaged files; LmsptError `ERR_LMSPT_IO`, `ERR_LMSPT_UNSUPPORTED`,
 * `ERR_LMSPT_OUT_OF_MEMORY`, `ERR_LMSPT_INVALID_ARGUMENT`; `signal.reason` on abort
 */
export async function decodeAudio(
  input: string | Uint8Array,
  options: DecodeAudioOptions = {},
): Promise<MultiChannelAudio> {
  return decode(input, { ...checkOptions(options, OPTIONS), mono: false });
}

/** Decodes a whole audio file like `decodeAudio` and mixes its channels into one. */
export async function loadAudio(input: string | Uint8Array, options: DecodeAudioOptions = {}): Promise<Audio> {
  return downmix(await decode(input, { ...checkOptions(options, OPTIONS), mono: true }));
}

interface Request {
  /** Mix the channels while decoding: it takes less memory, and no long step at the end. */
  readonly mono: boolean;
  readonly signal?: AbortSignal;
  readonly maxSamples?: number;
}

async function decode(input: string | Uint8Array, request: Request): Promise<MultiChannelAudio> {
  request.signal?.throwIfAborted();
  const { source, format, start } = await openSniffed(input);
  if (format === "wav") return decodeWavSource(source, request);
  await source.close();
  const stream = typeof input === "string" ? input : input.subarray(start);
  return decodeCompressed(format, stream, { ...request, start });
}

async function decodeWavSource(source: ByteSource, { mono, signal, maxSamples }: Request): Promise<MultiChannelAudio> {
  await using reader = await WavReader.from(source);
  const { frames, sampleRate } = reader.format;
  const samples = frames * reader.format.channels;
  if (maxSamples !== undefined && samples > maxSamples) {
    throw new LmsptError("ERR_LMSPT_UNSUPPORTED", `Expected at most ${maxSamples} samples but the file has ${samples}`);
  }
  const channels = allocateChannels(mono ? 1 : reader.format.channels, frames);
  let frame = 0;
  for await (const block of finiteBlocks(reader, signal)) {
    const kept = mono ? [downmix({ channels: block, sampleRate }).samples] : block;
    kept.forEach((samples, index) => {
      channels[index]!.set(samples, frame);
    });
    frame += block[0]!.length;
  }
  return { channels, sampleRate };
}

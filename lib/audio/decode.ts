import { setImmediate } from "node:timers/promises";
import { AN_ABORT_SIGNAL, checkOptions } from "../arguments.js";
import { FormatError, invalidArgument, LmsptError } from "../errors.js";
import type { Audio, MultiChannelAudio } from "./audio.js";
import { describeNonFinite, downmix } from "./audio.js";
import type { ByteSource } from "./byte-source.js";
import { memorySource, openFileSource } from "./byte-source.js";
import { decodeCompressed } from "./decode-compressed.js";
import { sniffAudio } from "./sniff.js";
import { WavReader } from "./wav-reader.js";
import { allocateChannels } from "./wav-samples.js";

const MAX_COMPRESSED_BYTES = 2 ** 31;

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
  const source = await openSource(input);
  try {
    const { format, start } = await sniffAudio(source);
    if (format === "wav") return await decodeWavSource(source, request);
    return await decodeCompressed(format, await readRest(source, start), { ...request, start });
  } finally {
    await source.close();
  }
}

async function openSource(input: string | Uint8Array): Promise<ByteSource> {
  if (typeof input === "string") return openFileSource(input);
  if (input instanceof Uint8Array) return memorySource(input);
  throw invalidArgument("input", "a path or a Uint8Array", input);
}

async function decodeWavSource(source: ByteSource, { mono, signal, maxSamples }: Request): Promise<MultiChannelAudio> {
  const reader = await WavReader.from(source);
  const { frames, sampleRate } = reader.format;
  const samples = frames * reader.format.channels;
  if (maxSamples !== undefined && samples > maxSamples) {
    throw new LmsptError("ERR_LMSPT_UNSUPPORTED", `Expected at most ${maxSamples} samples but the file has ${samples}`);
  }
  const channels = allocateChannels(mono ? 1 : reader.format.channels, frames);
  let frame = 0;
  for await (const block of reader.blocks()) {
    const problem = describeNonFinite(block, frame);
    if (problem) throw new FormatError(`Expected finite samples but ${problem}`);
    const kept = mono ? [downmix({ channels: block, sampleRate }).samples] : block;
    kept.forEach((samples, index) => {
      channels[index]!.set(samples, frame);
    });
    frame += block[0]!.length;
    await setImmediate();
    signal?.throwIfAborted();
  }
  return { channels, sampleRate };
}

async function readRest(source: ByteSource, start: number): Promise<Uint8Array> {
  const length = source.size - start;
  if (length <= MAX_COMPRESSED_BYTES) return source.read(start, length);
  throw new LmsptError(
    "ERR_LMSPT_UNSUPPORTED",
    `Expected a compressed file of at most 2 GiB but it has ${length} bytes; convert it to WAV, which is read in parts`,
  );
}

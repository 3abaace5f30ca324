/** Audio files read in blocks, mixed into one channel. */
import { setImmediate } from "node:timers/promises";
import { FormatError } from "../errors.js";
import { describeNonFinite, downmix } from "./audio.js";
import type { ByteSource } from "./byte-source.js";
import { openByteSource } from "./byte-source.js";
import { decodeCompressedParts } from "./decode-compressed.js";
import { type Sniffed, sniffAudio } from "./sniff.js";
import type { SoundPart } from "./sound-part.js";
import { WavReader } from "./wav-reader.js";

/** A file that is being read. It must be read to the end or closed. */
export interface AudioStream extends AsyncDisposable {
  /** Hz. */
  readonly sampleRate: number;
  /** Length in seconds; of compressed files an estimate by the share that has been read. */
  readonly seconds: number;
  /** The samples, in blocks of a few seconds at most; can be asked for once. */
  blocks(): AsyncGenerator<Float32Array, void, void>;
  /** May be called again. */
  close(): Promise<void>;
}

/**
 * Opens an audio file: WAV, FLAC, MP3, Ogg Vorbis or Ogg Opus, recognised by content. Memory does not grow with its length,
 * and the event loop stays free. Damage is reported where it is reached.
 *
 * @param input a path, or the bytes of the file
 * @throws as `decodeAudio` does
 */
export async function openAudio(
  input: string | Uint8Array,
  options: { signal?: AbortSignal } = {},
): Promise<AudioStream> {
  const { signal } = options;
  signal?.throwIfAborted();
  const { source, format, start } = await openSniffed(input);
  if (format === "wav") return new WavStream(await WavReader.from(source), signal);
  await source.close();
  const stream = typeof input === "string" ? input : input.subarray(start);
  const parts = decodeCompressedParts(format, stream, { mono: true, start, signal });
  const first = await parts.next();
  if (first.done) throw new Error("A stream without sound was not refused");
  return new CompressedStream(first.value, parts);
}

/** Opens a file and recognises its format. @throws FormatError, LmsptError */
export async function openSniffed(input: string | Uint8Array): Promise<{ source: ByteSource } & Sniffed> {
  const source = await openByteSource(input);
  try {
    return { source, ...(await sniffAudio(source)) };
  } catch (error) {
    await source.close();
    throw error;
  }
}

class WavStream implements AudioStream {
  readonly sampleRate: number;
  readonly seconds: number;

  constructor(
    private readonly reader: WavReader,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.sampleRate = reader.format.sampleRate;
    this.seconds = reader.format.frames / this.sampleRate;
  }

  async *blocks(): AsyncGenerator<Float32Array, void, void> {
    try {
      for await (const channels of finiteBlocks(this.reader, this.signal)) {
        yield downmix({ channels, sampleRate: this.sampleRate }).samples;
      }
    } finally {
      await this.close();
    }
  }

  close(): Promise<void> {
    return this.reader.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class CompressedStream implements AudioStream {
  readonly sampleRate: number;
  private samples = 0;
  private share = 0;

  constructor(
    private readonly first: SoundPart,
    private readonly rest: AsyncGenerator<SoundPart, void, void>,
  ) {
    this.sampleRate = first.sampleRate;
    this.count(first);
  }

  get seconds(): number {
    return this.samples / this.share / this.sampleRate;
  }

  async *blocks(): AsyncGenerator<Float32Array, void, void> {
    try {
      yield this.first.channels[0]!;
      for await (const part of this.rest) {
        this.count(part);
        yield part.channels[0]!;
      }
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    await this.rest.return();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private count({ channels, share }: SoundPart): void {
    this.samples += channels[0]!.length;
    this.share = share;
  }
}

/** All blocks of a WAV file, each checked, with turns for the event loop between them. */
export async function* finiteBlocks(
  reader: WavReader,
  signal: AbortSignal | undefined,
): AsyncGenerator<Float32Array[], void, void> {
  let frame = 0;
  for await (const block of reader.blocks()) {
    const problem = describeNonFinite(block, frame);
    if (problem) throw new FormatError(`Expected finite samples but ${problem}`);
    yield block;
    frame += block[0]!.length;
    await setImmediate();
    signal?.throwIfAborted();
  }
}

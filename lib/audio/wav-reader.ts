import { requireKind } from "../arguments.js";
import { invalidArgument, LmsptError } from "../errors.js";
import type { ByteSource } from "./byte-source.js";
import { A_BYTE_SOURCE, memorySource, openFileSource } from "./byte-source.js";
import type { WavFormat } from "./wav-format.js";
import { bytesPerFrame } from "./wav-format.js";
import type { WavLayout } from "./wav-header.js";
import { parseWavHeader } from "./wav-header.js";
import { allocateChannels, deinterleave } from "./wav-samples.js";

const DEFAULT_BLOCK_FRAMES = 65536;

/** Reads any part of a WAV file without holding the whole in memory. */
export class WavReader implements AsyncDisposable {
  readonly format: WavFormat;
  readonly #source: ByteSource;
  readonly #dataOffset: number;
  #closed = false;

  private constructor(source: ByteSource, layout: WavLayout) {
    const { dataOffset, ...format } = layout;
    this.format = format;
    this.#source = source;
    this.#dataOffset = dataOffset;
  }

  /**
   * Opens a WAV file (PCM of 8, 16, 24 or 32 bits, float of 32 or 64 bits, plain, extensible or RF64, also streamed
   * files whose sizes were never filled in).
   *
   * @throws LmsptError `ERR_LMSPT_IO` when the file cannot be read, `ERR_LMSPT_UNSUPPORTED` for other encodings;
   * FormatError when it is corrupt.
   */
  static async open(path: string): Promise<WavReader> {
    return WavReader.from(await openFileSource(path));
  }

  /** The same over a WAV file in memory. The bytes are not copied. */
  static async fromBytes(bytes: Uint8Array): Promise<WavReader> {
    return WavReader.from(memorySource(bytes));
  }

  /** The same over any source of bytes, which then belongs to the reader. */
  static async from(source: ByteSource): Promise<WavReader> {
    requireKind("source", A_BYTE_SOURCE, source);
    try {
      const parser = parseWavHeader(source.size);
      let step = parser.next();
      while (!step.done) step = parser.next(await source.read(step.value.offset, step.value.length));
      return new WavReader(source, step.value);
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /**
   * Reads frames as channels of shape [channels][frames]. At the end of the file the result is shorter than asked for.
   *
   * @param startFrame first frame, 0 to `format.frames`
   * @param frameCount number of frames, 0 or more
   * @throws LmsptError `ERR_LMSPT_INVALID_ARGUMENT`, `ERR_LMSPT_CLOSED`, `ERR_LMSPT_IO`
   */
  async read(startFrame: number, frameCount: number): Promise<Float32Array[]> {
    const { channels, encoding, frames: total } = this.format;
    if (this.#closed) throw new LmsptError("ERR_LMSPT_CLOSED", "The WAV reader is closed; open the file again");
    if (!Number.isInteger(startFrame) || startFrame < 0 || startFrame > total) {
      throw invalidArgument("startFrame", `an integer from 0 to ${total}`, startFrame);
    }
    if (!Number.isInteger(frameCount) || frameCount < 0) {
      throw invalidArgument("frameCount", "an integer of 0 or more", frameCount);
    }
    const frames = Math.min(frameCount, total - startFrame);
    const frameBytes = bytesPerFrame(encoding, channels);
    const bytes = await this.#source.read(this.#dataOffset + startFrame * frameBytes, frames * frameBytes);
    const result = allocateChannels(channels, frames);
    deinterleave(bytes, encoding, result, 0);
    return result;
  }

  /** Walks through the file in blocks of shape [channels][framesPerBlock], the last one shorter. */
  async *blocks(framesPerBlock = DEFAULT_BLOCK_FRAMES): AsyncGenerator<Float32Array[], void, void> {
    if (!Number.isInteger(framesPerBlock) || framesPerBlock < 1) {
      throw invalidArgument("framesPerBlock", "an integer of 1 or more", framesPerBlock);
    }
    for (let frame = 0; frame < this.format.frames; frame += framesPerBlock) {
      yield await this.read(frame, framesPerBlock);
    }
  }

  /** Closes the file after the reads under way. May be called again. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#source.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

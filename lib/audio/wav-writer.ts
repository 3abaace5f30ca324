import { AN_ARRAY, checkOptions, requireKind } from "../arguments.js";
import { invalidArgument, LmsptError } from "../errors.js";
import { AtomicFile } from "../io/atomic-file.js";
import { frameCount } from "./audio.js";
import type { WavWriteFormat } from "./wav-build.js";
import { buildWavHeader, checkWriteFormat, dataPadding } from "./wav-build.js";
import type { WavWriteEncoding } from "./wav-format.js";
import { interleave } from "./wav-samples.js";

export interface WavWriterOptions {
  /** Frames per second, an integer of 1 or more. */
  sampleRate: number;
  /** Default 1. */
  channels?: number;
  /** Default "pcm16". Integers are rounded to the nearest value and saturate. */
  encoding?: WavWriteEncoding;
}

/**
 * Writes a WAV file piece by piece. The file stands under its name only after `close()`; until then, and after
 * `abort()` or a failure, the name holds what it held before.
 */
export class WavWriter implements AsyncDisposable {
  readonly #file: AtomicFile;
  readonly #format: WavWriteFormat;
  #position: number;
  #frames = 0;
  /** The writes so far, in order; a failure stays in it. */
  #writes: Promise<void> = Promise.resolve();
  #ending: Promise<void> | undefined;
  #aborted = false;

  private constructor(file: AtomicFile, format: WavWriteFormat) {
    this.#file = file;
    this.#format = format;
    this.#position = buildWavHeader(format, 0).length;
  }

  /**
   * Begins a file.
   *
   * @throws LmsptError `ERR_LMSPT_INVALID_ARGUMENT` or `ERR_LMSPT_IO`
   */
  static async create(path: string, options: WavWriterOptions): Promise<WavWriter> {
    const { sampleRate, channels = 1, encoding = "pcm16" } = checkOptions(options);
    const format = checkWriteFormat(sampleRate, channels, encoding);
    return new WavWriter(await AtomicFile.create(path), format);
  }

  /** Frames written so far. */
  get frames(): number {
    return this.#frames;
  }

  /**
   * Appends samples: one array for a mono file, otherwise shape [channels][frames]. The arrays may be changed as soon as
   * the call returns; wait for the promise to keep memory bounded.
   *
   * @throws LmsptError `ERR_LMSPT_INVALID_ARGUMENT` (NaN, wrong channels), `ERR_LMSPT_CLOSED`, `ERR_LMSPT_IO`,
   * `ERR_LMSPT_UNSUPPORTED` at 4 GiB
   */
  async write(samples: Float32Array | readonly Float32Array[]): Promise<void> {
    if (this.#ending) throw new LmsptError("ERR_LMSPT_CLOSED", `The writer of ${this.#file.path} is closed`);
    const channels = samples instanceof Float32Array ? [samples] : samples;
    requireKind("samples", AN_ARRAY, channels);
    if (channels.length !== this.#format.channels) {
      throw invalidArgument("samples", `${this.#format.channels} channels`, channels);
    }
    const frames = this.#frames + frameCount(channels);
    buildWavHeader(this.#format, frames);
    const bytes = interleave(channels, this.#format.encoding);
    const position = this.#position;
    this.#frames = frames;
    this.#position += bytes.length;
    this.#writes = this.#writes.then(() => this.#file.write(bytes, position));
    await this.#writes;
  }

  /**
   * Completes the file and gives it its name. May be called again.
   *
   * @throws LmsptError `ERR_LMSPT_IO`, `ERR_LMSPT_CLOSED` after `abort()`
   */
  async close(): Promise<void> {
    if (this.#aborted) throw new LmsptError("ERR_LMSPT_CLOSED", `The writer of ${this.#file.path} was aborted`);
    this.#ending ??= this.#complete();
    await this.#ending;
  }

  /** Throws away what was written, unless the file is already complete. May be called again. */
  async abort(): Promise<void> {
    this.#ending ??= this.#discard();
    await this.#ending.catch(() => {});
  }

  /** Aborts unless `close()` was called, so that an error on the way leaves no file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.abort();
  }

  async #complete(): Promise<void> {
    try {
      await this.#writes;
      await this.#file.write(new Uint8Array(dataPadding(this.#format, this.#frames)), this.#position);
      await this.#file.write(buildWavHeader(this.#format, this.#frames), 0);
    } catch (error) {
      await this.#file.discard();
      throw error;
    }
    await this.#file.commit();
  }

  async #discard(): Promise<void> {
    this.#aborted = true;
    await this.#writes.catch(() => {});
    await this.#file.discard();
  }
}

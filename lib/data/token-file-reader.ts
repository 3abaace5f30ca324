import { AN_ABORT_SIGNAL, checkOptions, TRUE_OR_FALSE } from "../arguments.js";
import { LmsptError } from "../errors.js";
import { FileBytes } from "../io/file-bytes.js";
import { type Parser, parseAsync } from "./parser.js";
import { parseFrames, parseTokenChunk, type TokenChunk } from "./token-frames.js";
import { type FrameRange, parseLayout, recoverLayout, type TokenFileLayout } from "./token-layout.js";
import { requireFrameRange, type TokenSpec, type Tokens } from "./tokens.js";

/**
 * Reads a token file from disk, a range of frames at a time; memory stays within a chunk and what is asked for.
 * Iterating gives the chunks in order.
 */
export class TokenFileReader implements AsyncIterable<TokenChunk>, AsyncDisposable {
  private closed = false;

  private constructor(
    private readonly bytes: FileBytes,
    private readonly layout: TokenFileLayout,
  ) {}

  /**
   * Opens a file by its index. With `recover: true` the whole file is scanned and checked instead, and a damaged or
   * unfinished one gives what is intact of it: see `damaged` and `complete`.
   * @throws FormatError, LmsptError ERR_LMSPT_IO or ERR_LMSPT_UNSUPPORTED (newer version)
   */
  static async open(path: string, options: { recover?: boolean; signal?: AbortSignal } = {}): Promise<TokenFileReader> {
    const { recover = false, signal } = checkOptions(options, { recover: TRUE_OR_FALSE, signal: AN_ABORT_SIGNAL });
    const bytes = await FileBytes.open(path);
    try {
      const parser = recover ? recoverLayout(bytes.size) : parseLayout(bytes.size);
      return new TokenFileReader(bytes, await parseAsync(bytes, parser, signal));
    } catch (error) {
      await bytes.close();
      throw error;
    }
  }

  get spec(): TokenSpec {
    return this.layout.header.spec;
  }

  /** Frames of the stream, damaged ones included. */
  get frames(): number {
    return this.layout.frames;
  }

  /** True length of the audio at the spec's sample rate; whole frames if the file was never finished. */
  get samples(): number {
    return this.layout.samples;
  }

  /** Frames that cannot be read, in ascending order. Known only when the file was opened with `recover`. */
  get damaged(): readonly FrameRange[] {
    return this.layout.damaged;
  }

  /** Whether the file was finished and, as far as opening it looked, nothing of it is damaged. */
  get complete(): boolean {
    return this.layout.complete;
  }

  /**
   * Frames `startFrame` up to, not including, `endFrame`: what sliceTokens gives on the whole stream.
   * @throws FormatError if one of them is damaged, LmsptError ERR_LMSPT_INVALID_ARGUMENT for a range outside the file
   */
  async read(startFrame: number, endFrame: number, options: { signal?: AbortSignal } = {}): Promise<Tokens> {
    const { signal } = checkOptions(options, { signal: AN_ABORT_SIGNAL });
    requireFrameRange(startFrame, endFrame, this.frames);
    return this.parse(parseFrames(this.layout, startFrame, endFrame), signal);
  }

  /** The readable chunks in order. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TokenChunk, void, void> {
    for (const place of this.layout.chunks) yield await this.parse(parseTokenChunk(place, this.layout));
  }

  /** Closes the file; later reads are refused. May be called twice. */
  async close(): Promise<void> {
    this.closed = true;
    await this.bytes.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async parse<T>(parser: Parser<T>, signal?: AbortSignal): Promise<T> {
    if (this.closed) throw new LmsptError("ERR_LMSPT_CLOSED", `The token file ${this.bytes.path} is closed`);
    return parseAsync(this.bytes, parser, signal);
  }
}

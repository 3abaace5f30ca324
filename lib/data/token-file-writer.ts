import { checkOptions } from "../arguments.js";
import { FormatError, LmsptError } from "../errors.js";
import { AtomicFile } from "../io/atomic-file.js";
import { FileBytes } from "../io/file-bytes.js";
import { parseAsync } from "./parser.js";
import {
  chunkBytes,
  DEFAULT_CHUNK_FRAMES,
  encodeChunk,
  encodeHeader,
  encodeIndex,
  MAX_CHUNK_FRAMES,
} from "./token-format.js";
import { parseTokenChunk } from "./token-frames.js";
import { recoverLayout, type TokenFileLayout } from "./token-layout.js";
import {
  concatTokens,
  requireInteger,
  requireSameSpec,
  samplesPerFrame,
  sliceTokens,
  type TokenSpec,
  type Tokens,
  tokenCodes,
  validateTokenSpec,
  validateTokens,
} from "./tokens.js";

/**
 * Writes a token file of a length that need not be known in advance. The file appears under its name, complete and
 * synced, when `close` is done; until then it is a temporary file beside it, of which `recover` reads the intact chunks
 * should the program die. Calls are carried out in the order in which they are made. A failed write gives the file up.
 */
export class TokenFileWriter implements AsyncDisposable {
  private readonly frameCounts: number[] = [];
  private fileBytes = 0;
  private writtenFrames = 0;
  /** Tokens that do not fill a chunk yet. */
  private pending: Tokens[] = [];
  private pendingFrames = 0;
  private appendedFrames = 0;
  private appendedSamples = 0;
  private closed = false;
  private lastStep: Promise<void> = Promise.resolve();

  private constructor(
    private readonly file: AtomicFile,
    private readonly spec: TokenSpec,
    private readonly chunkFrames: number,
  ) {}

  /**
   * Begins a new file, which on `close` replaces what stands at `path`. `chunkFrames` (1 to 65536) is the unit of
   * checking and seeking. @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT or ERR_LMSPT_IO
   */
  static async create(path: string, spec: TokenSpec, options: { chunkFrames?: number } = {}): Promise<TokenFileWriter> {
    const { chunkFrames = DEFAULT_CHUNK_FRAMES } = checkOptions(options);
    validateTokenSpec(spec);
    requireInteger(chunkFrames, 1, MAX_CHUNK_FRAMES, "chunkFrames");
    const writer = new TokenFileWriter(await AtomicFile.create(path), { ...spec }, chunkFrames);
    await writer.step(() => writer.writeHeader());
    return writer;
  }

  /**
   * Continues the file at `path`, which stays as it is until `close`; one writer at a time. A file that was never
   * finished is continued after its last intact chunk.
   * @throws FormatError if something before the end is damaged; LmsptError ERR_LMSPT_IO
   */
  static async appendTo(path: string): Promise<TokenFileWriter> {
    const source = await FileBytes.open(path);
    try {
      const layout = await parseAsync(source, recoverLayout(source.size));
      requireAppendable(layout, path);
      const { spec, chunkFrames } = layout.header;
      const writer = new TokenFileWriter(await AtomicFile.create(path), spec, chunkFrames);
      await writer.step(() => writer.adopt(source, layout));
      return writer;
    } finally {
      await source.close();
    }
  }

  /** Frames so far, those of a continued file included. */
  get frames(): number {
    return this.appendedFrames;
  }

  /**
   * Adds tokens at the end. A partial last frame counts as a whole one once something follows it.
   * @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT if the tokens are not valid or of another spec, ERR_LMSPT_IO,
   * ERR_LMSPT_CLOSED
   */
  async append(tokens: Tokens): Promise<void> {
    this.requireOpen();
    validateTokens(tokens);
    requireSameSpec(this.spec, tokens);
    this.count(tokens);
    await this.step(async () => {
      this.hold(tokens);
      await this.writeChunks(this.chunkFrames);
    });
  }

  /**
   * Finishes the file and puts it in its place. `samples` is the true length of the audio, where it is not what the
   * appended tokens say; it must fill exactly `frames` frames.
   * @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT, ERR_LMSPT_IO, ERR_LMSPT_CLOSED
   */
  async close(options: { samples?: number } = {}): Promise<void> {
    this.requireOpen();
    const { samples = this.appendedSamples } = checkOptions(options);
    const hop = samplesPerFrame(this.spec);
    const most = this.appendedFrames * hop;
    requireInteger(samples, Math.max(0, most - hop + 1), most, "samples");
    this.closed = true;
    await this.step(async () => {
      await this.writeChunks(1);
      await this.write(encodeIndex(this.frameCounts));
      await this.file.write(encodeHeader({ spec: this.spec, samples, chunkFrames: this.chunkFrames }), 0);
      await this.file.commit();
    });
  }

  /** Gives the file up; what stood at its path stays. Does nothing after `close`. */
  async abort(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.step(() => this.file.discard());
  }

  /** Like `abort`: a writer that goes out of scope unfinished leaves nothing behind. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.abort();
  }

  private requireOpen(): void {
    if (this.closed) throw new LmsptError("ERR_LMSPT_CLOSED", `The writer of ${this.file.path} is closed`);
  }

  /** Runs `operation` after all earlier ones. */
  private step(operation: () => Promise<void>): Promise<void> {
    this.lastStep = this.lastStep.then(operation).catch(async (error) => {
      this.closed = true;
      await this.file.discard();
      throw error;
    });
    return this.lastStep;
  }

  private count(tokens: Tokens): void {
    if (tokens.frames === 0) return;
    this.appendedSamples = this.appendedFrames * samplesPerFrame(this.spec) + tokens.samples;
    this.appendedFrames += tokens.frames;
  }

  private hold(tokens: Tokens): void {
    this.pending.push(tokens);
    this.pendingFrames += tokens.frames;
  }

  private writeHeader(): Promise<void> {
    return this.write(encodeHeader({ spec: this.spec, samples: undefined, chunkFrames: this.chunkFrames }));
  }

  /** Takes over the chunks of another file; a last one that is not full will be filled up. */
  private async adopt(source: FileBytes, layout: TokenFileLayout): Promise<void> {
    await this.writeHeader();
    for (const place of layout.chunks) {
      const chunk = await parseAsync(source, parseTokenChunk(place, layout));
      this.count(chunk.tokens);
      if (place === layout.chunks.at(-1) && place.frames < this.chunkFrames) {
        this.hold(chunk.tokens);
      } else {
        await this.writeChunk(await source.read(place.offset, chunkBytes(place.frames, this.spec)), place.frames);
      }
    }
  }

  /** Writes what is pending, in chunks, as long as at least `leastFrames` frames are left. */
  private async writeChunks(leastFrames: number): Promise<void> {
    if (this.pendingFrames < leastFrames) return;
    const tokens = concatTokens(this.pending);
    const codes = tokenCodes(tokens);
    let start = 0;
    while (tokens.frames - start >= leastFrames) {
      const frames = Math.min(this.chunkFrames, tokens.frames - start);
      const rows = codes.map((row) => row.subarray(start, start + frames));
      await this.writeChunk(encodeChunk(rows, this.writtenFrames, frames, this.spec), frames);
      start += frames;
    }
    this.pending = start < tokens.frames ? [sliceTokens(tokens, start, tokens.frames)] : [];
    this.pendingFrames = tokens.frames - start;
  }

  private async writeChunk(chunk: Uint8Array, frames: number): Promise<void> {
    await this.write(chunk);
    this.frameCounts.push(frames);
    this.writtenFrames += frames;
  }

  private async write(bytes: Uint8Array): Promise<void> {
    await this.file.write(bytes, this.fileBytes);
    this.fileBytes += bytes.length;
  }
}

/** Frames may be missing only at the end of a file that was never finished. */
function requireAppendable(layout: TokenFileLayout, path: string): void {
  const last = layout.chunks.at(-1);
  const readable = last === undefined ? 0 : last.startFrame + last.frames;
  const lost = layout.damaged.find((range) => range.startFrame < readable || layout.header.samples !== undefined);
  if (lost === undefined) return;
  throw new FormatError(
    `Cannot append to ${path}: its frames ${lost.startFrame} to ${lost.endFrame} are damaged. Recover it to a new file first`,
  );
}

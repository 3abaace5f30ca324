/** Streams of results, computed when they are asked for. */
import { orAborted, type PieceSource, type Puller, pullFrom } from "../io/pulling.js";

/** Ends a stream whose consumer wants no more. */
const UNWANTED = Symbol("no more is wanted");

/** What a stream's pieces are computed from. */
export interface Intake<T> {
  /** The source's pieces. */
  readonly pieces: AsyncIterable<T>;
  readonly signal: AbortSignal;
}

/** Makes a stream's pieces. */
export type PieceWork<In, Out> = (intake: Intake<In>) => AsyncGenerator<Out, void, void>;

export interface PieceStreamOptions {
  readonly signal?: AbortSignal;
  /** What messages call the source. */
  readonly name?: string;
  /** Called once nothing is held any more; may be called again. */
  readonly onEnd?: () => void;
}

/**
 * An iterator over pieces. It takes from its source only what the next piece needs. `return` (which leaving a `for await`
 * loop calls), an abort and a failure let go of the source at once.
 */
export class PieceStream<Out> implements AsyncIterableIterator<Out, void, undefined>, AsyncDisposable {
  private readonly controller = new AbortController();
  private readonly results: AsyncGenerator<Out, void, void>;
  private readonly onAbort = () => void this.abort(this.options.signal!.reason);

  private constructor(
    private readonly puller: Puller<unknown>,
    work: PieceWork<unknown, Out>,
    private readonly options: PieceStreamOptions,
  ) {
    this.results = work({ pieces: this.take(), signal: this.controller.signal });
    // Later, when whoever makes the stream has it.
    if (options.signal?.aborted) queueMicrotask(this.onAbort);
    else options.signal?.addEventListener("abort", this.onAbort);
  }

  /** @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT where `source` is no source */
  static from<In, Out>(
    source: PieceSource<In>,
    work: PieceWork<In, Out>,
    options: PieceStreamOptions = {},
  ): PieceStream<Out> {
    const puller = pullFrom(source, options.name ?? "the source");
    return new PieceStream(puller, work as PieceWork<unknown, Out>, options);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Out, void>> {
    try {
      this.controller.signal.throwIfAborted();
      this.options.signal?.throwIfAborted();
      const result = await this.results.next();
      if (result.done) await this.release(undefined);
      return result;
    } catch (error) {
      if (error === UNWANTED) return { done: true, value: undefined };
      await this.release(error);
      throw error;
    }
  }

  async return(): Promise<IteratorResult<Out, void>> {
    await this.abort(UNWANTED);
    return { done: true, value: undefined };
  }

  /** Makes this and all later calls of `next` reject with `reason`; resolves when nothing is under way any more. */
  async abort(reason: unknown): Promise<void> {
    this.controller.abort(reason);
    await Promise.all([this.release(reason), this.results.return().catch(() => {})]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  private async release(reason: unknown): Promise<void> {
    this.options.signal?.removeEventListener("abort", this.onAbort);
    this.options.onEnd?.();
    await this.puller.close(reason);
  }

  private async *take(): AsyncGenerator<unknown, void, void> {
    for (;;) {
      const { value, done } = await orAborted(this.puller.next(), this.controller.signal);
      if (done) return;
      yield value;
    }
  }
}

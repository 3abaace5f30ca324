/** One way to take pieces from every kind of stream, to stop waiting for them, and to let go of it. */
import type { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { invalidArgument } from "../errors.js";

/** A Web stream, a Node stream in object mode, or any iterable. */
export type PieceSource<T> = ReadableStream<T> | AsyncIterable<T> | Iterable<T>;

/** Takes pieces one by one; a piece is taken only when it is asked for. */
export interface Puller<T> {
  next(): Promise<IteratorResult<T, unknown>>;
  /** Lets go of the source, also while it is waited for. May be called again. */
  close(reason: unknown): Promise<void>;
}

/** @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT where `source` is none; `name` is what the message calls it */
export function pullFrom<T>(source: PieceSource<T>, name: string): Puller<T> {
  const kind = source as Partial<ReadableStream<T> & AsyncIterable<T> & Iterable<T>>;
  if (typeof source !== "object" || source === null || ArrayBuffer.isView(source)) throw notASource(name, source);
  if (typeof kind.getReader === "function") return pullFromWeb(source as ReadableStream<T>);
  if (typeof kind[Symbol.asyncIterator] === "function") {
    return pullFromIterable(source as AsyncIterable<T>);
  }
  if (typeof kind[Symbol.iterator] === "function") {
    return new IteratorPuller((source as Iterable<T>)[Symbol.iterator](), undefined);
  }
  throw notASource(name, source);
}

function notASource(name: string, source: unknown): Error {
  return invalidArgument(name, "a ReadableStream, a Readable in object mode or an iterable", source);
}

function pullFromWeb<T>(stream: ReadableStream<T>): Puller<T> {
  const reader = stream.getReader();
  return {
    next: async () => (await reader.read()) as IteratorResult<T, unknown>,
    close: (reason) => reader.cancel(reason).catch(() => {}),
  };
}

function pullFromIterable<T>(source: AsyncIterable<T> & Partial<Pick<Readable, "destroy" | "on">>): Puller<T> {
  const iterator = source[Symbol.asyncIterator]();
  if (typeof source.destroy !== "function") return new IteratorPuller(iterator, undefined);
  // Node streams keep their error for the iterator, but end the program if they have one before it is asked.
  source.on?.("error", () => {});
  return new IteratorPuller(iterator, () => source.destroy!());
}

class IteratorPuller<T> implements Puller<T> {
  private waiting = false;
  private closed = false;

  constructor(
    private readonly iterator: AsyncIterator<T> | Iterator<T>,
    /** What ends a source that is waited for; a generator cannot be ended then. */
    private readonly destroy: (() => void) | undefined,
  ) {}

  async next(): Promise<IteratorResult<T, unknown>> {
    this.waiting = true;
    try {
      const result = await this.iterator.next();
      this.closed ||= result.done === true;
      return result;
    } catch (error) {
      this.closed = true;
      throw error;
    } finally {
      this.waiting = false;
    }
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.destroy?.();
    const returned = Promise.resolve(this.iterator.return?.()).catch(() => {});
    if (!this.waiting) await returned;
  }
}

/** The promise, or a rejection with the signal's reason as soon as it is aborted. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => {});
    return Promise.reject(signal.reason);
  }
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const settle = () => signal.removeEventListener("abort", onAbort);
    promise.finally(settle).then(resolve, reject);
  });
}

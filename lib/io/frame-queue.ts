/** Values that arrive at one end of a sequence of frames, and are let go of at the other. */
import type { Data } from "../graph/native.js";

export class FrameQueue<T extends Data> {
  private buffer: T;
  /** The sequence's first value that is still held, and the number of those held. */
  private first = 0;
  private held = 0;

  /** `empty` says of what type the values are. */
  constructor(
    private readonly valuesPerFrame: number,
    empty: T,
  ) {
    this.buffer = empty;
  }

  /** Values that have arrived since the beginning. */
  get arrived(): number {
    return this.first + this.held;
  }

  append(values: T): void {
    const needed = this.held + values.length;
    if (needed > this.buffer.length) this.buffer = this.copy(Math.max(needed, 2 * this.held));
    this.buffer.set(values, this.held);
    this.held = needed;
  }

  /** The frames [start, start + length), completed by zeros after the last value. None of them may have been dropped. */
  read(start: number, length: number): T {
    const begin = start * this.valuesPerFrame - this.first;
    const size = length * this.valuesPerFrame;
    const end = Math.min(this.held, begin + size);
    if (end - begin === size) return this.buffer.subarray(begin, end) as T;
    const completed = this.make(size);
    completed.set(this.buffer.subarray(begin, end));
    return completed;
  }

  /** Lets go of the frames before `start`. */
  dropBefore(start: number): void {
    const gone = Math.min(this.held, start * this.valuesPerFrame - this.first);
    if (gone <= 0) return;
    this.buffer.copyWithin(0, gone, this.held);
    this.first += gone;
    this.held -= gone;
  }

  private copy(capacity: number): T {
    const grown = this.make(capacity);
    grown.set(this.buffer.subarray(0, this.held));
    return grown;
  }

  private make(length: number): T {
    return new (this.buffer.constructor as new (length: number) => T)(length);
  }
}

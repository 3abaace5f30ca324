/** Resampling of signals that arrive in pieces. The result does not depend on the pieces. */
import { setImmediate } from "node:timers/promises";
import { FrameQueue } from "../io/frame-queue.js";
import type { Ratio } from "./resample-ratio.js";

/** A signal on its way to another rate. Calls are made one after the other. */
export interface ResampleStream {
  /** Any number of samples -> those of the result that are known. */
  push(samples: Float32Array): Promise<Float32Array>;
  /** Ends the signal -> the rest of the result. */
  finish(): Promise<Float32Array>;
}

/** Gives what it gets: the stream between equal rates. */
export const UNCHANGED: ResampleStream = {
  push: async (samples) => samples,
  finish: async () => new Float32Array(),
};

/** What both ways of computing have in common: the signal, with the zeros that are thought before it. */
abstract class QueuedStream implements ResampleStream {
  protected readonly queue = new FrameQueue<Float32Array>(1, new Float32Array());
  protected produced = 0;

  constructor(protected readonly ratio: Ratio) {
    this.queue.append(new Float32Array(ratio.reach));
  }

  push(samples: Float32Array): Promise<Float32Array> {
    this.queue.append(samples);
    return this.advance(Infinity);
  }

  finish(): Promise<Float32Array> {
    return this.advance(this.ratio.outputLength(this.queue.arrived - this.ratio.reach));
  }

  /** The outputs that can be computed: all up to `end` where it is known, and otherwise those whose samples are there. */
  protected abstract advance(end: number): Promise<Float32Array>;
}

/** Groups of `up` outputs computed together. */
export interface ResampleBlock {
  readonly rows: number;
  /** Input samples -> `rows * up` outputs. */
  compute(samples: Float32Array): Promise<Float32Array>;
}

/** By a table of all weights, in blocks. */
export class BlockStream extends QueuedStream {
  constructor(
    ratio: Ratio,
    private readonly block: ResampleBlock,
  ) {
    super(ratio);
  }

  protected async advance(end: number): Promise<Float32Array> {
    const { down, up, taps } = this.ratio;
    const { rows, compute } = this.block;
    const size = rows * up;
    const begin = this.produced;
    const length = (rows - 1) * down + taps;
    const parts: Float32Array[] = [];
    while (this.produced < end) {
      const start = (this.produced / up) * down;
      if (end === Infinity && this.queue.arrived < start + length) break;
      const outputs = await compute(this.queue.read(start, length));
      parts.push(outputs.subarray(0, Math.min(size, end - this.produced)));
      this.produced += parts.at(-1)!.length;
      this.queue.dropBefore(start + rows * down);
    }
    return joined(parts, this.produced - begin);
  }
}

/** With every weight computed where it is needed, for rates without a common divisor. */
export class TapStream extends QueuedStream {
  constructor(
    ratio: Ratio,
    private readonly signal: AbortSignal | undefined,
  ) {
    super(ratio);
  }

  protected async advance(end: number): Promise<Float32Array> {
    const begin = this.produced;
    if (end !== Infinity) this.produced = end;
    else while (this.place(this.produced).last < this.queue.arrived) this.produced++;
    const result = new Float32Array(this.produced - begin);
    const pause = Math.max(1, Math.floor(100_000 / (2 * this.ratio.reach)));
    for (let i = 0; i < result.length; i++) {
      if (i % pause === 0) {
        this.signal?.throwIfAborted();
        if (i > 0) await setImmediate();
      }
      result[i] = this.output(begin + i);
    }
    this.queue.dropBefore(this.place(this.produced).first);
    return result;
  }

  private output(index: number): number {
    const { first, last, tap } = this.place(index);
    const phase = index % this.ratio.up;
    const samples = this.queue.read(first, last - first + 1);
    return samples.reduce((sum, sample, i) => sum + sample * this.ratio.weight(phase, tap + i), 0);
  }

  /** The samples that an output depends on, by their places in the queue, and the tap of the first one. */
  private place(index: number): { first: number; last: number; tap: number } {
    const { up, down, reach, taps } = this.ratio;
    const phase = index % up;
    const base = ((index - phase) / up) * down;
    const centre = Math.round((phase * down) / up);
    const tap = Math.max(0, centre - 1);
    return { first: base + tap, last: base + Math.min(taps - 1, centre + 2 * reach + 1), tap };
  }
}

function joined(parts: readonly Float32Array[], length: number): Float32Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Float32Array(length);
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

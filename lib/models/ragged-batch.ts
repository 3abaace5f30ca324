/** Items of different lengths as one batch: one after the other, in a plan with room for at least as many frames. */
import { LmsptError } from "../errors.js";
import type { Data } from "../graph/native.js";

/** Plans have room for whole numbers of so many frames. */
const LEAST_STEP = 8;
/** Items of a plan for more than one. */
export const MOST_ITEMS = 32;
/** Frames altogether: as many as keep all of a large GPU busy where a frame has two rows. */
const MOST_FRAMES = 2560;

export class RaggedBatch {
  /** What the plan has room for. */
  readonly frames: number;
  /** The frame behind each item's last. Items that a plan could have besides are empty. */
  readonly ends: Int32Array;

  /** Frames of the items. */
  constructor(private readonly lengths: readonly number[]) {
    let end = 0;
    const ends = lengths.map((frames) => (end += frames));
    this.frames = roomFor(end);
    this.ends = new Int32Array(lengths.length === 1 ? 1 : MOST_ITEMS).fill(end);
    this.ends.set(ends);
  }

  /** Whether an item of so many frames may join items of `lengths`. */
  static takes(lengths: readonly number[], frames: number): boolean {
    return lengths.length < MOST_ITEMS && lengths.reduce((sum, length) => sum + length, frames) <= MOST_FRAMES;
  }

  /** Items of up to their frames times `size` values, one after the other; zeros between and behind them. */
  join<Values extends Data>(items: readonly Values[], size: number, type: new (length: number) => Values): Values {
    const values = new type(this.frames * size);
    for (const [i, item] of items.entries()) values.set(item, this.startOf(i) * size);
    return values;
  }

  /** The values of each item's frames. */
  split<Values extends Data>(values: Values): Values[] {
    const size = values.length / this.frames;
    return this.lengths.map((_, i) => values.subarray(this.startOf(i) * size, this.ends[i]! * size) as Values);
  }

  private startOf(item: number): number {
    return this.ends[item]! - this.lengths[item]!;
  }
}

/** Works on all items together; where there is not enough memory for that, on each half of them. */
export async function inParts<Item, Result>(
  items: readonly Item[],
  work: (items: readonly Item[]) => Promise<Result[]>,
): Promise<Result[]> {
  try {
    return await work(items);
  } catch (error) {
    const isTooMuch = error instanceof LmsptError && error.code === "ERR_LMSPT_OUT_OF_MEMORY";
    if (!isTooMuch || items.length === 1) throw error;
    const half = items.length >> 1;
    const first = await inParts(items.slice(0, half), work);
    return [...first, ...(await inParts(items.slice(half), work))];
  }
}

/** Steps of an eighth of the next power of two, so that few plans serve all. */
function roomFor(frames: number): number {
  const step = Math.max(LEAST_STEP, 2 ** Math.ceil(Math.log2(frames)) / 8);
  return Math.ceil(frames / step) * step;
}

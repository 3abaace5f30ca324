/** Cutting a long sequence of frames into overlapping windows whose inner parts come out as if it were one piece. */
import type { Context } from "../nn/index.js";

export interface Window {
  /** The window's first frame, and its number of frames. */
  readonly start: number;
  readonly length: number;
  /** The frames [from, to) of the sequence that this window gives. */
  readonly from: number;
  readonly to: number;
}

/**
 * One window where the sequence fits in `size` frames, none where it is empty; otherwise windows that begin at multiples
 * of the alignment, each giving the frames that have their whole context inside it or lie at a true border. All have
 * `size` frames but the last, which has as many or fewer. `size` must be more than the context and the alignment together.
 */
export function* windows(frames: number, size: number, { before, after, alignment }: Context): Generator<Window> {
  for (let from = 0; from < frames; ) {
    const start = Math.floor(Math.max(0, from - before) / alignment) * alignment;
    const length = Math.min(size, frames - start);
    const to = start + length === frames ? frames : start + length - after;
    yield { start, length, from, to };
    from = to;
  }
}

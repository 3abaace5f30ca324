/** Cutting a long sequence of frames into overlapping windows whose inner parts come out as if it were one piece. */

export interface Window {
  /** The window's first frame, and its number of frames. */
  readonly start: number;
  readonly length: number;
  /** The frames [from, to) of the sequence that this window gives. */
  readonly from: number;
  readonly to: number;
}

/** Frames around a frame that its result depends on. */
export interface Context {
  readonly before: number;
  readonly after: number;
}

/**
 * One window where the sequence fits in `size` frames, none where it is empty; otherwise windows of exactly `size` frames
 * (so that one plan serves them all), each giving the frames that have their whole context inside it or end at a true
 * border. `size` must be more than the context.
 */
export function* windows(frames: number, size: number, { before, after }: Context): Generator<Window> {
  if (frames === 0) return;
  if (frames <= size) {
    yield { start: 0, length: frames, from: 0, to: frames };
    return;
  }
  for (let from = 0; from < frames; ) {
    const start = Math.min(Math.max(0, from - before), frames - size);
    const to = start + size === frames ? frames : start + size - after;
    yield { start, length: size, from, to };
    from = to;
  }
}

/** Which rows of a stack's input a row of its output depends on, so that a long file can be cut with exact overlaps. */

/** Rows, both ends included, counted from the row that the output's row 0 lies on. */
export interface Receptive {
  readonly first: number;
  readonly last: number;
}

/** A layer that reads neighbouring rows. */
export interface ReceptiveLayer {
  receptive(rows: Receptive): Receptive;
}

/** What happens between two levels of a stack: a layer, and the rate of its input relative to the stack's frames. */
export interface Level {
  readonly layer: ReceptiveLayer;
  /** Rows of the layer's input per frame. */
  readonly rowsPerFrame: number;
}

/**
 * Frames before and after a range of frames that must be there for it to come out exactly. `levels` from the output to
 * the input; `outputRows` is the number of output rows per frame. Every level counts, not only the input: a row that
 * lies beyond the border of a piece is missing there, whatever it depends on.
 */
export function contextFrames(levels: readonly Level[], outputRows: number): { before: number; after: number } {
  let rows: Receptive = { first: 0, last: outputRows - 1 };
  let before = 0;
  let after = 0;
  for (const { layer, rowsPerFrame } of levels) {
    rows = layer.receptive(rows);
    before = Math.max(before, Math.ceil(-rows.first / rowsPerFrame));
    after = Math.max(after, Math.ceil((rows.last + 1 - rowsPerFrame) / rowsPerFrame));
  }
  return { before, after };
}

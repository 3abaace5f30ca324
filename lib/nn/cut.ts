/** What a stack of layers loses at the ends of a piece cut out of a longer sequence, so that pieces can overlap exactly. */

/** Rows at either end that do not come out as they would from the whole sequence. */
export interface Loss {
  readonly front: number;
  readonly back: number;
}

/** A layer that reads neighbouring rows. */
export interface CuttableLayer {
  /** What is lost of the output when so much is lost of the input, whose first row lies on a border of `blockRows`. */
  lost(input: Loss): Loss;
  /** Rows of the output that are computed together: pieces must begin at multiples of it. */
  readonly blockRows: number;
}

/** One step of a stack: a layer, and the rows of its output per frame. */
export interface Level {
  readonly layer: CuttableLayer;
  readonly rowsPerFrame: number;
}

/** Of frames: what is lost at the ends of a piece, and what its first frame must be a multiple of. */
export interface Context {
  readonly before: number;
  readonly after: number;
  readonly alignment: number;
}

/** `levels` from the input to the output. */
export function contextOf(levels: readonly Level[]): Context {
  const { front, back } = levels.reduce((loss, { layer }) => layer.lost(loss), { front: 0, back: 0 });
  const { rowsPerFrame } = levels.at(-1)!;
  return {
    before: Math.ceil(front / rowsPerFrame),
    after: Math.ceil(back / rowsPerFrame),
    alignment: levels
      .map(({ layer, rowsPerFrame }) => layer.blockRows / greatestCommonDivisor(layer.blockRows, rowsPerFrame))
      .reduce(leastCommonMultiple, 1),
  };
}

/** The context that suffices for both. */
export function widest(a: Context, b: Context): Context {
  return {
    before: Math.max(a.before, b.before),
    after: Math.max(a.after, b.after),
    alignment: leastCommonMultiple(a.alignment, b.alignment),
  };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

export function leastCommonMultiple(a: number, b: number): number {
  return (a / greatestCommonDivisor(a, b)) * b;
}

/** Plain, slow and obvious versions of what the engine computes, in double precision. */

/** Elements of a tensor of this shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((total, dim) => total * dim, 1);
}

/** The position of an index in row-major order. */
export function offsetOf(index: readonly number[], shape: readonly number[]): number {
  return index.reduce((offset, i, axis) => offset * shape[axis]! + i, 0);
}

/** Calls `body` with every index of the shape, in row-major order, and the position. */
export function forEachIndex(shape: readonly number[], body: (index: number[], offset: number) => void): void {
  const total = sizeOf(shape);
  const index = shape.map(() => 0);
  for (let offset = 0; offset < total; offset++) {
    body(index, offset);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
}

/** NumPy's rule: aligned at the right, a dimension of 1 takes the other's length. */
export function broadcastShape(x: readonly number[], y: readonly number[]): number[] {
  const rank = Math.max(x.length, y.length);
  return Array.from({ length: rank }, (_, i) => {
    const a = x[i - rank + x.length] ?? 1;
    const b = y[i - rank + y.length] ?? 1;
    return a === 1 ? b : a;
  });
}

/** The position in a tensor of `shape` that an index of the broadcast result reads. */
export function broadcastOffset(index: readonly number[], shape: readonly number[]): number {
  const own = index.slice(index.length - shape.length);
  return offsetOf(
    own.map((i, axis) => (shape[axis] === 1 ? 0 : i)),
    shape,
  );
}

/** The error function; all terms of the series are positive, so nothing cancels. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let total = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    total += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}

/** The largest |actual - expected| / max(|expected|, floor); NaN where only one of the two is NaN. */
export function worstError(actual: ArrayLike<number>, expected: ArrayLike<number>, floor: number): number {
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i]!, expected[i]!];
    if (a === e || (Number.isNaN(a) && Number.isNaN(e))) continue;
    const error = Math.abs(a - e) / Math.max(Math.abs(e), floor);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

/** `count` float32 values spread evenly over [low, high]. */
export function spread(low: number, high: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));
}

/** `count` float32 values of both signs whose magnitudes are spread evenly in the logarithm over [low, high]. */
export function spreadLogarithmic(low: number, high: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const magnitude = low * (high / low) ** (Math.floor(i / 2) / (count / 2 - 1));
    return i % 2 === 0 ? magnitude : -magnitude;
  });
}

/** A sine of amplitude 1. */
export function sine(hertz: number, sampleRate: number, length: number): Float32Array {
  return Float32Array.from({ length }, (_, n) => Math.sin((2 * Math.PI * hertz * n) / sampleRate));
}

/** Index of the largest value. */
export function peakIndex(values: Float64Array): number {
  return values.indexOf(Math.max(...values));
}

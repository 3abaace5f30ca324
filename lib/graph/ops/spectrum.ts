/** Spectra of overlapping frames, by the fast Fourier transform. */
import { AN_OBJECT, checkOptions, requireKind } from "../../arguments.js";
import type { Value } from "../graph.js";
import { record } from "./record.js";

/** Frames are as long as the window, a power of two from 16 to 2048. */
export interface FrameTables {
  /** (W) */
  readonly window: Value;
  /** The cosine and the negative sine of 2 pi k / W for k < W / 2: (W / 2, 2). */
  readonly turns: Value;
}

export interface MelBands {
  /**
   * The first bins of the segments between neighbouring edges, and the end of the last: (bands + 2) of type i32. Band m
   * rises in segment m and falls in segment m + 1.
   */
  readonly starts: Value;
  /** Of each bin what the falling band of its segment and what the rising one has of it: (W / 2 + 1, 2). */
  readonly weights: Value;
}

/** Real and imaginary parts of the spectra of the frames that begin at multiples of `hop` in x (B, N): (B, F, W / 2 + 1, 2). */
export function spectra(x: Value, tables: FrameTables, hop: number): Value {
  requireKind("the tables of spectra", AN_OBJECT, tables);
  return record("spectra", [x, tables.window, tables.turns], { hop });
}

/**
 * How far the mel magnitudes A and B of two signals a, b (B, N) are apart: the mean of |A - B| + |d(A) - d(B)|, where d
 * is twice the decimal logarithm, of `floor` (1e-5) at least. A scalar.
 */
export function melDistance(
  a: Value,
  b: Value,
  tables: FrameTables,
  bands: MelBands,
  options: { readonly hop: number; readonly floor?: number },
): Value {
  requireKind("the tables of melDistance", AN_OBJECT, tables);
  requireKind("the bands of melDistance", AN_OBJECT, bands);
  const { hop, floor } = checkOptions(options);
  return record("mel_distance", [a, b, tables.window, tables.turns, bands.weights, bands.starts], { hop, floor });
}

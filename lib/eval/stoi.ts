import { invalidArgument } from "../errors.js";
import { FourierTransform } from "./fourier.js";

/** Hz of the signals that are compared. */
export const STOI_RATE = 10_000;

const FRAME = 256;
const HOP = FRAME / 2;
const SIZE = 512;
const BANDS = 15;
const LOWEST_BAND = 150; // Hz, its centre
const SEGMENT = 30; // frames: 384 ms
const CLIP = 1 + 10 ** (15 / 20); // of a signal-to-distortion ratio of -15 dB
const DYNAMIC_RANGE = 40; // dB below the loudest frame, where silence begins
const TINY = Number.EPSILON;
const SILENT = 20 * Math.log10(2 * TINY); // dB

/** Hann's, without its two zeros. */
const WINDOW = Float64Array.from(
  { length: FRAME },
  (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 1)) / (FRAME + 1)),
);
const fourier = new FourierTransform(SIZE);

/**
 * Short-time objective intelligibility (Taal et al., 2011), at most 1: how alike the envelopes of two signals of 10 kHz are
 * in one-third octaves, piece by piece of 0.4 s, where the reference is not silent; undefined where less of it is sound.
 *
 * @throws LmsptError `ERR_LMSPT_INVALID_ARGUMENT` when lengths differ
 */
export function stoi(reference: Float32Array, estimate: Float32Array): number | undefined {
  if (reference.length !== estimate.length) {
    throw invalidArgument("estimate", `${reference.length} samples, as in the reference,`, estimate.length);
  }
  const [clean, other] = withoutSilence(reference, estimate);
  const [x, y] = [bandLevels(clean), bandLevels(other)];
  if (x.length < SEGMENT) return undefined;
  let sum = 0;
  for (let end = SEGMENT; end <= x.length; end++) {
    for (let band = 0; band < BANDS; band++) sum += likeness(x, y, band, end);
  }
  return sum / ((x.length - SEGMENT + 1) * BANDS);
}

function* starts(length: number): Generator<number> {
  for (let start = 0; start + FRAME < length; start += HOP) yield start;
}

/** Both signals without the frames in which the first is silent, put together again. */
function withoutSilence(x: Float32Array, y: Float32Array): [Float64Array, Float64Array] {
  const frames = [...starts(x.length)];
  const levels = frames.map((start) => {
    let energy = 0;
    for (let i = 0; i < FRAME; i++) energy += (WINDOW[i]! * x[start + i]!) ** 2;
    return 20 * Math.log10(Math.sqrt(energy) + TINY);
  });
  const loudest = levels.reduce((a, b) => Math.max(a, b), SILENT);
  const kept = frames.filter((_, i) => levels[i]! > loudest - DYNAMIC_RANGE && levels[i]! > SILENT);
  const join = (signal: Float32Array) => {
    const joined = new Float64Array(kept.length === 0 ? 0 : (kept.length - 1) * HOP + FRAME);
    for (const [i, start] of kept.entries()) {
      for (let j = 0; j < FRAME; j++) joined[i * HOP + j]! += WINDOW[j]! * signal[start + j]!;
    }
    return joined;
  };
  return [join(x), join(y)];
}

/** Bins [first, end) of each one-third octave. */
const OCTAVES = Array.from({ length: BANDS }, (_, k) => {
  const nearest = (hertz: number) => Math.round((hertz * SIZE) / STOI_RATE);
  return [nearest(LOWEST_BAND * 2 ** ((2 * k - 1) / 6)), nearest(LOWEST_BAND * 2 ** ((2 * k + 1) / 6))] as const;
});

/** Frame by frame, the level of each band. */
function bandLevels(signal: Float64Array): Float64Array[] {
  return [...starts(signal.length)].map((start) => {
    const [real, imaginary] = [new Float64Array(SIZE), new Float64Array(SIZE)];
    for (let i = 0; i < FRAME; i++) real[i] = WINDOW[i]! * signal[start + i]!;
    fourier.transform({ real, imaginary });
    return Float64Array.from(OCTAVES, ([first, end]) => {
      let power = 0;
      for (let bin = first; bin < end; bin++) power += real[bin]! ** 2 + imaginary[bin]! ** 2;
      return Math.sqrt(power);
    });
  });
}

/** Correlation of a band of both over the frames up to `end`, the second as loud as the first and clipped. */
function likeness(x: readonly Float64Array[], y: readonly Float64Array[], band: number, end: number): number {
  const a = Float64Array.from({ length: SEGMENT }, (_, i) => x[end - SEGMENT + i]![band]!);
  const b = Float64Array.from({ length: SEGMENT }, (_, i) => y[end - SEGMENT + i]![band]!);
  const gain = norm(a) / (norm(b) + TINY);
  return correlation(
    a,
    b.map((value, i) => Math.min(value * gain, a[i]! * CLIP)),
  );
}

function norm(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

function correlation(a: Float64Array, b: Float64Array): number {
  const centred = (values: Float64Array) => {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const moved = values.map((value) => value - mean);
    const length = norm(moved) + TINY;
    return moved.map((value) => value / length);
  };
  const [u, v] = [centred(a), centred(b)];
  return u.reduce((sum, value, i) => sum + value * v[i]!, 0);
}

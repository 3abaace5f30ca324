import type { Value } from "../../graph/graph.js";
import { abs, add, affine, clamp, linear, log, mean, sqrt, square, sub, sum } from "../../graph/ops/index.js";
import { melFilters } from "../../nn/mel.js";
import { stft } from "../../nn/stft.js";

/** Window lengths with their numbers of mel bands. */
export type MelScales = readonly (readonly [window: number, mels: number])[];

export const PUBLIC_MEL_SCALES: MelScales = [
  [256, 40],
  [512, 80],
  [1024, 160],
  [2048, 320],
];

/** Mel magnitudes below this count as this. */
export const PUBLIC_MEL_FLOOR = 1e-5;

/**
 * The multi-scale mel loss of two waveforms (B, N): per scale, the mean absolute differences of the mel magnitudes and of
 * the decimal logarithms of their squares.
 */
export function melLoss(
  generated: Value,
  real: Value,
  sampleRate: number,
  { melScales = PUBLIC_MEL_SCALES, melFloor = PUBLIC_MEL_FLOOR }: { melScales?: MelScales; melFloor?: number } = {},
): Value {
  const terms = melScales.map(([window, mels]) => {
    const [a, b] = [generated, real].map((audio) => melMagnitudes(audio, sampleRate, window, mels)) as [Value, Value];
    return add(meanDistance(a, b), meanDistance(powerInDecades(a, melFloor), powerInDecades(b, melFloor)));
  });
  return terms.reduce((total, term) => add(total, term));
}

/** (B, frames, mels) */
function melMagnitudes(audio: Value, sampleRate: number, nFft: number, mels: number): Value {
  const spectrum = stft(audio, { nFft, hop: nFft / 4 });
  const filters = audio.graph.constant(melFilters(sampleRate, nFft, mels), [mels, nFft / 2 + 1]);
  return linear(magnitude(spectrum), filters, undefined, { exact: true });
}

/** sqrt(re^2 + im^2), whose gradient at zero is zero. */
function magnitude(spectrum: Value): Value {
  return sqrt(clamp(sum(square(spectrum), { axes: [3] }), 1e-20));
}

function powerInDecades(magnitudes: Value, floor: number): Value {
  return affine(log(clamp(magnitudes, floor)), 2 / Math.LN10);
}

function meanDistance(a: Value, b: Value): Value {
  return mean(abs(sub(a, b)));
}

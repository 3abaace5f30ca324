import type { Value } from "../../graph/graph.js";
import { add, affine, clamp, l1Distance, linear, log, melDistance, sqrt, square, sum } from "../../graph/ops/index.js";
import { melBands, melFilters } from "../../nn/mel.js";
import { addEnds, frameTables, hasFastTransform, stft } from "../../nn/stft.js";

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
    const distance = hasFastTransform(window) && mels <= window / 2 ? fusedDistance : composedDistance;
    return distance(generated, real, sampleRate, window, mels, melFloor);
  });
  return terms.reduce((total, term) => add(total, term));
}

type Distance = (generated: Value, real: Value, sampleRate: number, nFft: number, mels: number, floor: number) => Value;

/** In one pass over both waveforms. */
const fusedDistance: Distance = (generated, real, sampleRate, nFft, mels, floor) => {
  const hop = nFft / 4;
  const { graph } = generated;
  const [a, b] = [addEnds(generated, nFft, hop, "center"), addEnds(real, nFft, hop, "center")];
  return melDistance(a, b, frameTables(graph, nFft), melBands(graph, sampleRate, nFft, mels), { hop, floor });
};

const composedDistance: Distance = (generated, real, sampleRate, nFft, mels, floor) => {
  const [a, b] = [generated, real].map((audio) => melMagnitudes(audio, sampleRate, nFft, mels)) as [Value, Value];
  return add(l1Distance(a, b), l1Distance(powerInDecades(a, floor), powerInDecades(b, floor)));
};

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

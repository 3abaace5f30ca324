/** Mel spectra: Slaney's filter bank, and the log-mel spectrum that Whisper's encoder reads. */

import type { Graph, Value } from "../graph/graph.js";
import {
  affine,
  clamp,
  linear,
  log,
  type MelBands,
  max,
  maximum,
  pad,
  slice,
  square,
  sum,
} from "../graph/ops/index.js";
import { stft } from "./stft.js";

// Slaney's scale: linear up to 1 kHz, 15 mels; above, 27 mels per factor of 6.4.
const hertzPerMel = 200 / 3;
const kneeHertz = 1000;
const kneeMel = kneeHertz / hertzPerMel;
const logStep = Math.log(6.4) / 27;

function toMel(hertz: number): number {
  return hertz < kneeHertz ? hertz / hertzPerMel : kneeMel + Math.log(hertz / kneeHertz) / logStep;
}

function toHertz(mel: number): number {
  return mel < kneeMel ? mel * hertzPerMel : kneeHertz * Math.exp((mel - kneeMel) * logStep);
}

/** The edges of the bands in hertz: band m is between edges m and m + 2. */
function melEdges(sampleRate: number, mels: number): number[] {
  const top = toMel(sampleRate / 2);
  return Array.from({ length: mels + 2 }, (_, i) => toHertz((top * i) / (mels + 1)));
}

/**
 * Triangular filters between 0 and half the sample rate, evenly spaced on Slaney's mel scale, each of unit area:
 * (mels, nFft / 2 + 1), row-major.
 */
export function melFilters(sampleRate: number, nFft: number, mels: number): Float32Array {
  const bins = Math.floor(nFft / 2) + 1;
  const edges = melEdges(sampleRate, mels);
  const filters = new Float32Array(mels * bins);
  for (let mel = 0; mel < mels; mel++) {
    const [left, centre, right] = [edges[mel]!, edges[mel + 1]!, edges[mel + 2]!];
    for (let bin = 0; bin < bins; bin++) {
      const hertz = (bin * sampleRate) / nFft;
      const height = Math.min((hertz - left) / (centre - left), (right - hertz) / (right - centre));
      filters[mel * bins + bin] = (Math.max(0, height) * 2) / (right - left);
    }
  }
  return filters;
}

/** The same filters by the segments between neighbouring edges, as `melDistance` reads them. */
export function melBands(graph: Graph, sampleRate: number, nFft: number, mels: number): MelBands {
  const bins = Math.floor(nFft / 2) + 1;
  const filters = melFilters(sampleRate, nFft, mels);
  const edges = melEdges(sampleRate, mels);
  const starts = new Int32Array(mels + 2);
  const weights = new Float32Array(2 * bins);
  let segment = 0;
  for (let bin = 0; bin < bins; bin++) {
    while (segment < mels && (bin * sampleRate) / nFft >= edges[segment + 1]!) starts[++segment] = bin;
    if (segment > 0) weights[2 * bin] = filters[(segment - 1) * bins + bin]!;
    if (segment < mels) weights[2 * bin + 1] = filters[segment * bins + bin]!;
  }
  starts.fill(bins, segment + 1);
  return { starts: graph.constant(starts, [mels + 2]), weights: graph.constant(weights, [bins, 2]) };
}

/** What Whisper was trained with: 30 s at 16 kHz, 100 frames a second. */
export const whisperAudio = { sampleRate: 16000, samples: 480000, nFft: 400, hop: 160 } as const;

/**
 * Whisper's log-mel spectrum of x (B, N), 16 kHz, padded with silence or cut to `samples`, 30 s by default:
 * (B, samples / 160, mels). It depends on the loudest point of the whole batch: what is more than 80 dB below is raised
 * to that.
 */
export function whisperLogMel(x: Value, mels = 80, samples: number = whisperAudio.samples): Value {
  const { sampleRate, nFft, hop } = whisperAudio;
  const frames = Math.floor(samples / hop);
  const length = x.dim(1);
  const whole = length < samples ? pad(x, 1, 0, samples - length) : slice(x, 1, 0, samples);
  const spectrum = slice(stft(whole, { nFft, hop }), 1, 0, frames);
  const power = sum(square(spectrum), { axes: [3] });
  const filters = x.graph.constant(melFilters(sampleRate, nFft, mels), [mels, nFft / 2 + 1]);
  const decades = affine(log(clamp(linear(power, filters, undefined, { exact: true }), 1e-10)), 1 / Math.LN10);
  return affine(maximum(decades, affine(max(decades), 1, -8)), 1 / 4, 1);
}

import { invalidArgument } from "../errors.js";
import { type FrameOptions, magnitudeSpectrogram } from "./spectrogram.js";

/** Below this frequency (Hz) the Slaney mel scale is linear, above it logarithmic. */
const LINEAR_LIMIT = 1000;
const MELS_PER_HERTZ = 3 / 200;
const MELS_PER_NEPER = 27 / Math.log(6.4);

/** Hz to mel on the scale of Slaney's Auditory Toolbox. */
export function hertzToMel(hertz: number): number {
  if (hertz < LINEAR_LIMIT) return hertz * MELS_PER_HERTZ;
  return LINEAR_LIMIT * MELS_PER_HERTZ + Math.log(hertz / LINEAR_LIMIT) * MELS_PER_NEPER;
}

/** Mel to Hz, the inverse of {@link hertzToMel}. */
export function melToHertz(mel: number): number {
  const limit = LINEAR_LIMIT * MELS_PER_HERTZ;
  return mel < limit ? mel / MELS_PER_HERTZ : LINEAR_LIMIT * Math.exp((mel - limit) / MELS_PER_NEPER);
}

/**
 * Triangular filters, evenly spaced in mel from 0 Hz to half the sample rate, each of area 1 (Slaney's norm).
 *
 * @param size samples of the Fourier transform; there are size / 2 + 1 bins
 * @returns shape [bands][size / 2 + 1]
 * @throws LmsptError `ERR_LMSPT_INVALID_ARGUMENT`
 */
export function melFilters(sampleRate: number, size: number, bands: number): Float64Array[] {
  if (!(sampleRate > 0)) throw invalidArgument("sampleRate", "a number above 0", sampleRate);
  if (!Number.isInteger(bands) || bands < 1) throw invalidArgument("bands", "an integer of 1 or more", bands);
  const top = hertzToMel(sampleRate / 2);
  const edges = Array.from({ length: bands + 2 }, (_, index) => melToHertz((top * index) / (bands + 1)));
  return Array.from({ length: bands }, (_, band) => {
    const [low, peak, high] = edges.slice(band, band + 3) as [number, number, number];
    return new Float64Array(size / 2 + 1).map((_, bin) => {
      const hertz = (bin * sampleRate) / size;
      const triangle = Math.min((hertz - low) / (peak - low), (high - hertz) / (high - peak));
      return (Math.max(0, triangle) * 2) / (high - low);
    });
  });
}

export interface MelOptions extends FrameOptions {
  /** Number of mel bands, 1 or more. */
  readonly bands: number;
}

/**
 * Mel spectrogram of magnitudes in decibels; nothing is below -100 dB.
 *
 * @returns shape [frames][bands], the lowest band first
 * @throws LmsptError `ERR_LMSPT_INVALID_ARGUMENT`
 */
export function melSpectrogram(
  audio: { readonly samples: Float32Array; readonly sampleRate: number },
  { size, hop, bands }: MelOptions,
): Float64Array[] {
  const spectrogram = magnitudeSpectrogram(audio.samples, { size, hop });
  const filters = melFilters(audio.sampleRate, size, bands).map(trimZeros);
  return spectrogram.map((magnitudes) =>
    Float64Array.from(filters, ({ firstBin, weights }) => {
      let sum = 0;
      for (let index = 0; index < weights.length; index++) sum += weights[index]! * magnitudes[firstBin + index]!;
      return 20 * Math.log10(Math.max(sum, 1e-5));
    }),
  );
}

/** The part of a filter that is not zero. */
function trimZeros(filter: Float64Array): { firstBin: number; weights: Float64Array } {
  const firstBin = Math.max(
    0,
    filter.findIndex((weight) => weight > 0),
  );
  const lastBin = filter.findLastIndex((weight) => weight > 0);
  return { firstBin, weights: filter.subarray(firstBin, lastBin + 1) };
}

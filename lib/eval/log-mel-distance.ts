import type { Audio } from "../audio/audio.js";
import { invalidArgument } from "../errors.js";
import { melSpectrogram } from "./mel.js";

const FRAMES = { size: 1024, hop: 256, bands: 80 };

/**
 * Log-mel distance in decibels: the mean absolute difference of two mel spectrograms (80 bands, frames of 1024 samples,
 * hop 256, floor -100 dB). 0 for equal sounds; a faithful codec stays within a few dB.
 *
 * @throws LmsptError `ERR_LMSPT_INVALID_ARGUMENT` when length or sample rate differ
 */
export function logMelDistance(reference: Audio, estimate: Audio): number {
  if (reference.sampleRate !== estimate.sampleRate) {
    throw invalidArgument("estimate.sampleRate", `${reference.sampleRate}, as in the reference,`, estimate.sampleRate);
  }
  if (reference.samples.length !== estimate.samples.length) {
    const length = reference.samples.length;
    throw invalidArgument("estimate.samples.length", `${length}, as in the reference,`, estimate.samples.length);
  }
  const expected = melSpectrogram(reference, FRAMES);
  const actual = melSpectrogram(estimate, FRAMES);
  let sum = 0;
  expected.forEach((frame, t) => {
    frame.forEach((level, band) => {
      sum += Math.abs(level - actual[t]![band]!);
    });
  });
  return sum / (expected.length * FRAMES.bands);
}

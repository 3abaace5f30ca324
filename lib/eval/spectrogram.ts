import { invalidArgument } from "../errors.js";
import { FourierTransform } from "./fourier.js";

/** How a signal is cut into frames. */
export interface FrameOptions {
  /** Samples of a frame, a power of two. */
  readonly size: number;
  /** Samples from one frame to the next, 1 or more. */
  readonly hop: number;
}

/**
 * Magnitudes of the short-time Fourier transform: periodic Hann window, frame t centred at sample t * hop, zeros beyond
 * both ends.
 *
 * @returns shape [frames][size / 2 + 1] with frames = floor(samples / hop) + 1
 * @throws LmsptError `ERR_LMSPT_INVALID_ARGUMENT`
 */
export function magnitudeSpectrogram(samples: Float32Array, { size, hop }: FrameOptions): Float64Array[] {
  if (!Number.isInteger(hop) || hop < 1) throw invalidArgument("hop", "an integer of 1 or more", hop);
  const fourier = new FourierTransform(size);
  const window = Float64Array.from({ length: size }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / size));
  return Array.from({ length: Math.floor(samples.length / hop) + 1 }, (_, frame) => {
    const start = frame * hop - size / 2;
    const real = window.map((weight, n) => weight * (samples[start + n] ?? 0));
    const imaginary = new Float64Array(size);
    fourier.transform({ real, imaginary });
    return real.subarray(0, size / 2 + 1).map((value, bin) => Math.hypot(value, imaginary[bin]!));
  });
}

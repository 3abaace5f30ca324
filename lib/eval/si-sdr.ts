import { invalidArgument } from "../errors.js";

/**
 * Scale-invariant signal-to-distortion ratio in decibels (Le Roux et al., 2019): of the part of the estimate that is a
 * multiple of the reference, to the rest, both without their means. It follows the waveform: a copy that sounds the same
 * with other phases scores low. Infinity for a scaled copy; undefined where either is silent.
 *
 * @throws LmsptError `ERR_LMSPT_INVALID_ARGUMENT` when lengths differ
 */
export function siSdr(reference: Float32Array, estimate: Float32Array): number | undefined {
  if (reference.length !== estimate.length) {
    throw invalidArgument("estimate", `${reference.length} samples, as in the reference,`, estimate.length);
  }
  const [referenceMean, estimateMean] = [mean(reference), mean(estimate)];
  let [cross, energy, all] = [0, 0, 0];
  for (let i = 0; i < reference.length; i++) {
    const [r, e] = [reference[i]! - referenceMean, estimate[i]! - estimateMean];
    cross += r * e;
    energy += r * r;
    all += e * e;
  }
  if (energy === 0 || all === 0) return undefined;
  const target = (cross * cross) / energy;
  return 10 * Math.log10(target / Math.max(0, all - target));
}

function mean(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample;
  return sum / samples.length;
}

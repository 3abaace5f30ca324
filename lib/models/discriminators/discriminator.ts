/** What the discriminators have in common. */
import type { Value } from "../../graph/graph.js";
import { abs, affine, div, leakyRelu, max, mean, mul, sub } from "../../graph/ops/index.js";

/** Judges waveforms (B, N): its feature maps (B, ..., channels), the last one the scores, which are near 1 for real ones. */
export interface Discriminator {
  forward(audio: Value): Value[];
}

/** Scale of the random initial weights: that of a uniform distribution with the bound 1 / sqrt(fan in). */
export const INITIAL_GAIN = 1 / Math.sqrt(3);

/** The loudest sample of what a discriminator hears. */
const PEAK = 0.8;

/** Audio (B, N) without its mean, scaled to a peak of 0.8, item by item. */
export function standardize(audio: Value): Value {
  const centred = sub(audio, mean(audio, { axes: [1], keep: true }));
  const peak = max(abs(centred), { axes: [1], keep: true });
  return mul(div(centred, affine(peak, 1, 1e-9)), PEAK);
}

/** Layers in turn, with the LeakyReLU that follows each: what each gives is a feature map. */
export function featureMaps(x: Value, layers: readonly { forward(x: Value): Value }[]): Value[] {
  const maps: Value[] = [];
  for (const layer of layers) maps.push(leakyRelu(layer.forward(maps.at(-1) ?? x), 0.1));
  return maps;
}

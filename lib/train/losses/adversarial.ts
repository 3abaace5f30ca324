/** Losses over what discriminators make of real and generated speech; each is summed over the discriminators. */
import type { Value } from "../../graph/graph.js";
import { add, affine, l1Distance, mean, square, stopGradient } from "../../graph/ops/index.js";

/** Per discriminator, feature maps with the scores last. */
export type FeatureMaps = readonly (readonly Value[])[];

/** Least squares: generated speech should score 0, real speech 1. */
export function discriminatorLoss(generated: FeatureMaps, real: FeatureMaps): Value {
  const terms = generated.map((maps, i) => add(mean(square(scores(maps))), distanceFromOne(scores(real[i]!))));
  return total(terms);
}

/** Least squares: generated speech should score 1. */
export function adversarialLoss(generated: FeatureMaps): Value {
  return total(generated.map((maps) => distanceFromOne(scores(maps))));
}

/** The mean absolute difference of every pair of feature maps but the scores; no gradient passes to the real side. */
export function featureLoss(generated: FeatureMaps, real: FeatureMaps): Value {
  const terms = generated.flatMap((maps, i) =>
    maps.slice(0, -1).map((map, j) => l1Distance(map, stopGradient(real[i]![j]!))),
  );
  return total(terms);
}

function scores(maps: readonly Value[]): Value {
  return maps.at(-1)!;
}

function distanceFromOne(score: Value): Value {
  return mean(square(affine(score, -1, 1)));
}

function total(terms: readonly Value[]): Value {
  return terms.reduce((sum, term) => add(sum, term));
}

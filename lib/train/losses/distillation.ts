import { invalidArgument } from "../../errors.js";
import type { Value } from "../../graph/graph.js";
import { l1Distance, mean, square, stopGradient, sub } from "../../graph/ops/index.js";

export type DistanceKind = "mse" | "l1";

/** How far the teacher's features of resynthesised speech are from those of the original, through which no gradient passes. */
export function distillationLoss(features: Value, target: Value, kind: DistanceKind = "mse"): Value {
  const wanted = stopGradient(target);
  if (kind === "mse") return mean(square(sub(features, wanted)));
  if (kind === "l1") return l1Distance(features, wanted);
  throw invalidArgument("the distance of distillation", '"mse" or "l1"', kind);
}

import type { Device } from "../../graph/device.js";
import { concat, slice, stopGradient } from "../../graph/ops/index.js";
import type { Plan } from "../../graph/plan.js";
import { discriminatorLoss } from "../losses/index.js";
import type { Optimizer, Part } from "../optimizer.js";
import { type StepSize, stepInputs, withoutChannel } from "./inputs.js";
import type { Recipe } from "./recipe.js";

/** One update of the discriminators. They judge generated and real speech as one batch; the generator has no gradient. */
export function compileDiscriminatorPlan(
  device: Device,
  recipe: Recipe,
  optimizer: Optimizer,
  size: StepSize,
  part?: Part,
): Promise<Plan<"loss" | "norm">> {
  const { graph, audio, target, codebooks, rate, step } = stepInputs(recipe, size);
  const { batch } = size;
  const speech = stopGradient(withoutChannel(recipe.model.train(audio, codebooks).speech));
  const scores = recipe.discriminators.forward(concat([speech, target], 0)).map((maps) => maps.at(-1)!);
  const generated = scores.map((score) => [slice(score, 0, 0, batch)]);
  const real = scores.map((score) => [slice(score, 0, batch, batch)]);
  const loss = discriminatorLoss(generated, real);
  const { norm, updates } = optimizer.record(loss, rate, step, part);
  return graph.compile(device, { loss, norm }, updates, { precision: size.precision });
}

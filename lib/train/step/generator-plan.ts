import type { Device } from "../../graph/device.js";
import type { Value } from "../../graph/graph.js";
import { add, mul, stopGradient } from "../../graph/ops/index.js";
import type { Plan } from "../../graph/plan.js";
import type { TrainedForward } from "../../models/lmspt.js";
import { adversarialLoss, distillationLoss, featureLoss, melLoss } from "../losses/index.js";
import type { Optimizer, Part } from "../optimizer.js";
import { type StepSize, stepInputs, teacherInput, withoutChannel } from "./inputs.js";
import type { LossWeights, Recipe, Teacher } from "./recipe.js";

/** One update of the tokenizer. Neither the discriminators nor the teacher have gradients of their weights here. */
export function compileGeneratorPlan(
  device: Device,
  recipe: Recipe,
  optimizer: Optimizer,
  size: StepSize,
  part?: Part,
): Promise<Plan<GeneratorOutput>> {
  const { graph, audio, target, codebooks, rate, step } = stepInputs(recipe, size);
  const trained = recipe.model.train(audio, codebooks);
  const terms: Partial<Record<keyof LossWeights, Value>> = {
    ...(size.adversarial !== false && judge(recipe, withoutChannel(trained.speech), target)),
    mel: melLoss(withoutChannel(trained.speech), target, recipe.model.config.output_sample_rate, recipe),
    ...(recipe.teacher && { distillation: distil(recipe.teacher, trained, teacherInput(graph, recipe, size)) }),
    acousticCommitment: trained.acoustic.commitment,
    acousticCodebook: trained.acoustic.codebook,
    semanticCommitment: trained.semantic.commitment,
    semanticCodebook: trained.semantic.codebook,
  };
  const total = weightedSum(terms, recipe.weights);
  const { norm, updates } = optimizer.record(total, rate, step, part);
  const { semantic, acoustic } = trained;
  const codes = { semanticCodes: semantic.codes, acousticCodes: acoustic.codes };
  const latents = { semanticLatents: semantic.projected, acousticLatents: acoustic.projected };
  return graph.compile<GeneratorOutput>(
    device,
    { ...terms, ...codes, ...latents, total, norm } as Record<GeneratorOutput, Value>,
    updates,
    { precision: size.precision },
  );
}

export type GeneratorOutput = keyof LossWeights | "total" | "norm" | `${"semantic" | "acoustic"}${"Codes" | "Latents"}`;

function judge({ discriminators }: Recipe, speech: Value, target: Value) {
  const generated = discriminators.forward(speech);
  const real = discriminators.forward(target);
  return { adversarial: adversarialLoss(generated), feature: featureLoss(generated, real) };
}

function distil({ encoder, window, distance }: Teacher, trained: TrainedForward, original: Value) {
  const wanted = stopGradient(encoder.features(original, window));
  return distillationLoss(encoder.features(withoutChannel(trained.auxSpeech), window), wanted, distance);
}

function weightedSum(terms: Partial<Record<keyof LossWeights, Value>>, weights: LossWeights): Value {
  return Object.entries(terms)
    .map(([name, term]) => mul(term, weights[name as keyof LossWeights]))
    .reduce((sum, term) => add(sum, term));
}

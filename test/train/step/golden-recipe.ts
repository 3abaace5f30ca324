/** The recipe of the reference's three steps, from its initial state. */
import { Variable } from "../../../lib/graph/variable.js";
import { Discriminators } from "../../../lib/models/discriminators/index.js";
import { LmSpt } from "../../../lib/models/lmspt.js";
import type { Parameter } from "../../../lib/nn/index.js";
import { makeRecipe, type Recipe, type StepData } from "../../../lib/train/step/index.js";
import type { Golden } from "../../golden.js";
import { goldenDiscriminators } from "../../models/golden-discriminators.js";
import { goldenConfig } from "../../models/golden-model.js";
import { goldenWhisper } from "../../models/whisper/golden-whisper.js";

export function goldenRecipe(golden: Golden): Recipe {
  const model = new LmSpt(goldenConfig(golden.metadata.get("model")!));
  const discriminators = new Discriminators(goldenDiscriminators(golden.metadata.get("disc")!));
  assign(golden, model.parameters, "init.model");
  assign(golden, discriminators.parameters, "init.disc");
  const { encoder } = goldenWhisper(golden, "whisper", golden.metadata.get("whisper")!);
  return makeRecipe({ model, discriminators, teacher: { encoder, window: "full", distance: "mse" } });
}

export function goldenData(golden: Golden, { model }: Recipe): StepData {
  const [batch] = golden.shape("x");
  const acoustic = model.config.n_codebooks - model.config.n_semantic_codebooks;
  return {
    audio: golden.floats("x"),
    teacherAudio: golden.floats("teacher_wav"),
    codebooks: new Float32Array(batch!).fill(acoustic),
  };
}

function assign(golden: Golden, parameters: readonly Parameter[], prefix: string): void {
  for (const parameter of parameters) {
    const key = `${prefix}.${parameter.name}`;
    parameter.assign(Variable.from(golden.floats(key), golden.shape(key), { frozen: false }));
  }
}

/** From a configuration to what is trained. */
import { existsSync } from "node:fs";
import { LmsptError } from "../../errors.js";
import { resolveModel } from "../../hub/index.js";
import { samplesPerFrame } from "../../models/config.js";
import { Discriminators } from "../../models/discriminators/index.js";
import { fillRandomly } from "../../models/initial.js";
import { LmSpt } from "../../models/lmspt.js";
import { loadWeights } from "../../models/weights.js";
import { loadWhisper, WHISPER_SIZES, Whisper } from "../../models/whisper/index.js";
import type { ResolvedConfig } from "../config/index.js";
import type { CropForm } from "../data/index.js";
import {
  type LossWeights,
  makeRecipe,
  type Recipe,
  type StepData,
  type StepSize,
  TEACHER_RATE,
  type Teacher,
} from "../step/index.js";
import { loadParameters } from "./trained-parts.js";

/** The recipe, its parameters from a checkpoint, from the model that the configuration begins with, or random. */
export async function setUpRecipe(
  config: ResolvedConfig,
  checkpoint: string | undefined,
  signal?: AbortSignal,
): Promise<Recipe> {
  const model = new LmSpt(config.model);
  const discriminators = new Discriminators(config.discriminators);
  const recipe = makeRecipe({
    model,
    discriminators,
    teacher: await loadTeacher(config),
    weights: lossWeights(config),
    melFloor: config.losses.mel_floor,
  });
  if (checkpoint !== undefined) {
    await loadParameters(checkpoint, recipe);
    return recipe;
  }
  await fillRandomly(model.parameters, config.seed, { trainable: true });
  await fillRandomly(discriminators.parameters, config.seed + 1, { trainable: true });
  if (config.init !== null) {
    const { weightsPath } = await resolveModel(config.init, { signal });
    const advice = "check that `model` of the configuration describes them";
    await loadWeights(model, weightsPath, { trainable: true, advice });
  }
  return recipe;
}

/** A crop, in whole frames. @throws LmsptError ERR_LMSPT_CONFIG where it is shorter than one */
export function stepSize({ data, model, recompute, precision }: ResolvedConfig): StepSize {
  const hop = samplesPerFrame(model);
  const frames = Math.floor((data.seconds * model.sample_rate) / hop);
  const { batch, accumulate: parts } = data;
  if (frames >= 1) return { batch, samples: frames * hop, parts, recompute, precision };
  throw new LmsptError(
    "ERR_LMSPT_CONFIG",
    `data.seconds: expected at least one frame, ${hop / model.sample_rate} s, got ${data.seconds}`,
  );
}

/** What a step reads of a crop, as far as it is not the same. */
export type StepAudio = Pick<StepData, "audio" | "target" | "teacherAudio">;

/** The forms of a crop by their names in a step. */
export function cropForms(config: ResolvedConfig, { samples }: StepSize): Map<keyof StepAudio, CropForm> {
  const { sample_rate: heard, output_sample_rate: said } = config.model;
  const at = (rate: number) => ({ rate, samples: Math.floor((samples * rate) / heard) });
  const forms = new Map<keyof StepAudio, CropForm>([["audio", at(heard)]]);
  if (said !== heard) forms.set("target", at(said));
  if (hasTeacher(config)) forms.set("teacherAudio", at(TEACHER_RATE));
  return forms;
}

/** The forms of a batch of crops, in the order of `cropForms`, by their names. */
export function nameForms(names: Iterable<keyof StepAudio>, forms: readonly Float32Array[]): StepAudio {
  return Object.fromEntries([...names].map((name, i) => [name, forms[i]!])) as unknown as StepAudio;
}

function hasTeacher({ teacher, losses }: ResolvedConfig): boolean {
  return teacher.model !== null && losses.distillation > 0;
}

async function loadTeacher(config: ResolvedConfig): Promise<Teacher | undefined> {
  const { model, window, distance } = config.teacher;
  if (model === null || !hasTeacher(config)) return undefined;
  const { encoder } = await openTeacher(model);
  const heard = encoder.windowSamples / TEACHER_RATE;
  if (config.data.seconds > heard) {
    throw new LmsptError(
      "ERR_LMSPT_CONFIG",
      `data.seconds: expected at most ${heard}, which is what ${model} hears at a time, got ${config.data.seconds}`,
    );
  }
  return { encoder, window, distance };
}

async function openTeacher(name: string): Promise<Whisper> {
  const random = /^random:(\d{1,9}):(.+)$/.exec(name);
  if (random && Object.hasOwn(WHISPER_SIZES, random[2]!)) {
    const whisper = new Whisper(WHISPER_SIZES[random[2]!]!, "encoder");
    await fillRandomly(whisper.parameters, Number(random[1]));
    return whisper;
  }
  if (existsSync(name)) return loadWhisper(name, { parts: "encoder" });
  const sizes = Object.keys(WHISPER_SIZES).join(", ");
  throw new LmsptError(
    "ERR_LMSPT_CONFIG",
    `teacher.model: expected a folder or file of Whisper weights, or random:SEED:SIZE with a size of ${sizes}; found nothing at ${name}`,
  );
}

function lossWeights({ losses }: ResolvedConfig): LossWeights {
  return {
    adversarial: losses.adversarial,
    feature: losses.feature,
    mel: losses.mel,
    distillation: losses.distillation,
    acousticCommitment: losses.acoustic_commitment,
    acousticCodebook: losses.acoustic_codebook,
    semanticCommitment: losses.semantic_commitment,
    semanticCodebook: losses.semantic_codebook,
  };
}

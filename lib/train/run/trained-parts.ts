/** What of a tokenizer's training a checkpoint keeps. */
import { join } from "node:path";
import type { Device } from "../../graph/device.js";
import { writeText } from "../../io/atomic-file.js";
import type { LmSpt } from "../../models/lmspt.js";
import { assignFromFile } from "../../models/tensor-file.js";
import { loadWeights } from "../../models/weights.js";
import type { Recipe, StepOptimizers } from "../step/index.js";
import type { Restarts } from "./code-restarts.js";
import { type Named, namedMoments, namedParameters, readTensors, writeTensors } from "./tensors.js";

export interface TrainedParts {
  readonly recipe: Recipe;
  readonly optimizers: StepOptimizers;
  readonly restarts: Restarts;
}

export async function saveParts(
  folder: string,
  device: Device,
  { recipe, optimizers, restarts }: TrainedParts,
): Promise<void> {
  const { model, discriminators } = recipe;
  await saveModel(folder, device, model);
  await writeTensors(join(folder, "discriminators.safetensors"), device, namedParameters(discriminators.parameters));
  await writeTensors(join(folder, "optimizer.safetensors"), device, progressOf(optimizers, restarts));
}

/** What `Tokenizer.load` reads: model.safetensors and config.json. */
export async function saveModel(folder: string, device: Device, model: LmSpt): Promise<void> {
  await writeTensors(join(folder, "model.safetensors"), device, namedParameters(model.parameters));
  await writeText(join(folder, "config.json"), JSON.stringify(model.config, undefined, 2));
}

/** Gives the parts the values of a checkpoint; parameters are assigned anew, before anything is compiled. */
export async function loadParameters(path: string, { model, discriminators }: Recipe): Promise<void> {
  const advice = "a run goes on with the configuration that it began with";
  await loadWeights(model, join(path, "model.safetensors"), { trainable: true });
  const options = { advice, trainable: true };
  await assignFromFile(discriminators.parameters, join(path, "discriminators.safetensors"), options);
}

/** What a checkpoint has beside parameters. */
export async function loadProgress(path: string, optimizers: StepOptimizers, restarts: Restarts): Promise<void> {
  await readTensors(join(path, "optimizer.safetensors"), progressOf(optimizers, restarts));
}

function progressOf(optimizers: StepOptimizers, { semantic, acoustic }: Restarts): Named {
  return [...namedMoments({ ...optimizers }), ...semantic.named("semantic"), ...acoustic.named("acoustic")];
}

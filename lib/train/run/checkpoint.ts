/**
 * Checkpoints: folders `epoch-XXX_step-YYYYYYY` that appear when they are complete. Each is a model folder too: the
 * tokenizer lies in it under its public names, with its configuration.
 */
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { readSafetensors } from "../../data/safetensors-reader.js";
import { writeSafetensors } from "../../data/safetensors-writer.js";
import { FormatError, LmsptError } from "../../errors.js";
import type { Device } from "../../graph/device.js";
import type { Variable } from "../../graph/variable.js";
import { AtomicFile } from "../../io/atomic-file.js";
import { explainIo, hasCode } from "../../io/system-errors.js";
import { assignFromFile } from "../../models/tensor-file.js";
import { loadWeights } from "../../models/weights.js";
import type { Optimizer } from "../optimizer.js";
import type { Recipe, StepOptimizers } from "../step/index.js";
import type { RunState } from "./state.js";

const NAME = /^epoch-(\d{3,})_step-(\d{7,})$/;
const PARTIAL = ".partial";

export interface TrainedParts {
  readonly recipe: Recipe;
  readonly optimizers: StepOptimizers;
}

export function checkpointName({ epoch, step }: RunState): string {
  return `epoch-${String(epoch).padStart(3, "0")}_step-${String(step).padStart(7, "0")}`;
}

/** Writes a checkpoint below `folder`. Returns its path. @throws LmsptError ERR_LMSPT_IO */
export async function saveCheckpoint(
  folder: string,
  device: Device,
  { recipe, optimizers }: TrainedParts,
  state: RunState,
): Promise<string> {
  const path = join(folder, checkpointName(state));
  const partial = path + PARTIAL;
  await explainIo(`Cannot write the checkpoint ${path}`, async () => {
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    const { model, discriminators } = recipe;
    await writeTensors(join(partial, "model.safetensors"), device, namedParameters(model.parameters));
    await writeTensors(join(partial, "discriminators.safetensors"), device, namedParameters(discriminators.parameters));
    await writeTensors(join(partial, "optimizer.safetensors"), device, namedMoments(optimizers));
    await writeText(join(partial, "config.json"), JSON.stringify(model.config, undefined, 2));
    await writeText(join(partial, "state.json"), JSON.stringify(state, undefined, 2));
    await rm(path, { recursive: true, force: true });
    await rename(partial, path);
  });
  return path;
}

/** The names of the checkpoints below `folder`, the oldest first. */
export async function listCheckpoints(folder: string): Promise<string[]> {
  try {
    const names = (await readdir(folder)).filter((name) => NAME.test(name));
    return names.sort((a, b) => stepOf(a) - stepOf(b));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** Gives the parts the values of a checkpoint; parameters are assigned anew, before anything is compiled. */
export async function loadParameters(path: string, { model, discriminators }: Recipe): Promise<void> {
  const advice = "a run goes on with the configuration that it began with";
  await loadWeights(model, join(path, "model.safetensors"), { trainable: true });
  const options = { advice, trainable: true };
  await assignFromFile(discriminators.parameters, join(path, "discriminators.safetensors"), options);
}

/** The optimizers' part of a checkpoint. */
export async function loadMoments(path: string, optimizers: StepOptimizers): Promise<void> {
  const file = join(path, "optimizer.safetensors");
  const { tensors } = await readSafetensors(file);
  for (const [name, variable] of namedMoments(optimizers)) {
    const tensor = tensors.get(name);
    if (!tensor || tensor.shape.join() !== variable.shape.join() || !(tensor.data instanceof Float32Array)) {
      throw new LmsptError("ERR_LMSPT_MODEL", `Expected ${name} of shape [${variable.shape.join(", ")}] in ${file}`);
    }
    variable.write(tensor.data);
  }
}

export async function loadState(path: string): Promise<RunState> {
  const file = join(path, "state.json");
  const text = await explainIo(`Cannot read ${file}`, () => readFile(file, "utf8"));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`${file} is not valid JSON: ${(cause as Error).message}`, undefined, { cause });
  }
}

/** Removes all but the newest `keep` checkpoints and the best one, and what unfinished ones left. */
export async function pruneCheckpoints(folder: string, keep: number, best: string | undefined): Promise<void> {
  const names = await listCheckpoints(folder);
  const unfinished = (await readdir(folder)).filter((name) => name.endsWith(PARTIAL));
  const old = names.slice(0, Math.max(0, names.length - keep)).filter((name) => name !== best);
  await explainIo(`Cannot remove old checkpoints in ${folder}`, async () => {
    for (const name of [...old, ...unfinished]) await rm(join(folder, name), { recursive: true, force: true });
  });
}

function stepOf(name: string): number {
  return Number(NAME.exec(name)![2]);
}

type Named = readonly (readonly [name: string, variable: Variable])[];

function namedParameters(parameters: readonly { readonly name: string; readonly variable: Variable }[]): Named {
  return parameters.map(({ name, variable }) => [name, variable]);
}

function namedMoments({ generator, discriminator }: StepOptimizers): Named {
  const of = (side: string, { moments }: Optimizer) =>
    moments.flatMap(({ parameter, mean, square }) => [
      [`${side}.mean.${parameter.name}`, mean] as const,
      [`${side}.square.${parameter.name}`, square] as const,
    ]);
  return [...of("generator", generator), ...of("discriminator", discriminator)];
}

async function writeTensors(path: string, device: Device, named: Named): Promise<void> {
  const values = await device.read(named.map(([, variable]) => variable));
  const tensors = named.map(([name, { shape }], i) => {
    return [name, { dtype: "F32", shape, data: values[i] as Float32Array }] as const;
  });
  await writeSafetensors(path, tensors);
}

export async function writeText(path: string, text: string): Promise<void> {
  const file = await AtomicFile.create(path);
  try {
    await file.write(Buffer.from(`${text}\n`), 0);
  } catch (error) {
    await file.discard();
    throw error;
  }
  await file.commit();
}

/** From a model's name to a model with weights. */
import { readFile } from "node:fs/promises";
import { invalidArgument, LmsptError } from "../errors.js";
import { findPreset, type ModelLicence, type ProgressListener, resolveModel } from "../hub/index.js";
import { type ModelConfig, parseConfig } from "./config.js";
import { LmSpt } from "./lmspt.js";
import { CONFIGS } from "./presets.js";
import { loadWeights, randomWeights } from "./weights.js";

export interface LoadedModel {
  readonly model: LmSpt;
  /** Identifies the weights: `sha256:` and 64 digits. */
  readonly fingerprint: string;
  /** Where the weights came from, for people. */
  readonly source: string;
  readonly untrained: boolean;
  readonly licence: ModelLicence | undefined;
}

export async function loadModel(
  name: string,
  options: { signal?: AbortSignal; onProgress?: ProgressListener } = {},
): Promise<LoadedModel> {
  if (name.startsWith("random:")) return makeRandomModel(name);
  const found = await resolveModel(name, options);
  const model = new LmSpt(await readConfig(found.configPath, found.preset, found.weightsPath));
  const fingerprint = await loadWeights(model, found.weightsPath);
  return { model, fingerprint, source: found.source, untrained: false, licence: found.licence };
}

async function makeRandomModel(name: string): Promise<LoadedModel> {
  const match = /^random:(\d{1,10})(?::(.+))?$/.exec(name);
  const preset = match?.[2] ?? "12.5hz-24k";
  const config = Object.hasOwn(CONFIGS, preset) ? CONFIGS[preset] : undefined;
  if (!match || Number(match[1]) >= 2 ** 32 || !config) {
    const presets = Object.keys(CONFIGS).join('" or "');
    throw invalidArgument("model", `"random:SEED" or "random:SEED:PRESET" with a preset "${presets}"`, name);
  }
  const model = new LmSpt(config);
  const fingerprint = await randomWeights(model, Number(match[1]));
  return { model, fingerprint, source: `random weights of the shape ${preset}`, untrained: true, licence: undefined };
}

async function readConfig(
  path: string | undefined,
  preset: string | undefined,
  weightsPath: string,
): Promise<ModelConfig> {
  if (path === undefined) {
    if (preset !== undefined && findPreset(preset)) return CONFIGS[preset]!;
    throw new LmsptError("ERR_LMSPT_MODEL", `Expected a config.json beside ${weightsPath}, but there is none`);
  }
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new LmsptError("ERR_LMSPT_IO", `Cannot read the model's configuration ${path}`, { cause });
  }
  try {
    return parseConfig(JSON.parse(text));
  } catch (cause) {
    if (cause instanceof LmsptError) throw new LmsptError(cause.code, `${path}: ${cause.message}`, { cause });
    throw new LmsptError("ERR_LMSPT_MODEL", `${path} is not valid JSON: ${(cause as Error).message}`, { cause });
  }
}

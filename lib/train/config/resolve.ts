/** The configuration of a tokenizer's training. */
import { LmsptError } from "../../errors.js";
import { type ModelConfig, parseConfig } from "../../models/config.js";
import { CONFIGS } from "../../models/presets.js";
import type { Layer } from "./layers.js";
import { nearest } from "./nearest.js";
import { TRAIN_PRESETS } from "./presets.js";
import { configError, placeOf, resolveFields, suggestion } from "./resolve-fields.js";
import { type TrainConfig, trainSchema } from "./schema.js";

/** A configuration that was checked, with the tokenizer's fields in full. */
export type ResolvedConfig = Omit<TrainConfig, "model"> & { readonly model: ModelConfig };

/** As `resolveFields`. @throws LmsptError ERR_LMSPT_CONFIG that names the key, its place and the nearest valid name */
export async function resolveConfig(
  source: string | object,
  overrides: readonly string[] = [],
): Promise<ResolvedConfig> {
  const { fields, layers } = await resolveFields(source, overrides, { presets: TRAIN_PRESETS, schema: trainSchema });
  return { ...fields, model: resolveModelFields(fields.model, layers) };
}

function resolveModelFields(model: TrainConfig["model"], layers: readonly Layer[]): ModelConfig {
  const place = placeOf(["model"], layers);
  if (typeof model === "string") {
    if (Object.hasOwn(CONFIGS, model)) return CONFIGS[model]!;
    const names = Object.keys(CONFIGS);
    const guess = suggestion(nearest(model, names));
    throw configError([`model${place}: expected fields, or one of ${names.join(", ")}, got ${model}${guess}`]);
  }
  try {
    const config = parseConfig(model);
    const known = [...Object.keys(config), "codebook_size", "codebook_dim"];
    const unknown = Object.keys(model).filter((key) => !known.includes(key));
    if (unknown.length === 0) return config;
    throw configError(
      unknown.map((key) => {
        const guess = suggestion(nearest(key, known));
        return `model.${key}${placeOf(["model", key], layers)}: there is no such key${guess}`;
      }),
    );
  } catch (cause) {
    if (!(cause instanceof LmsptError) || cause.code === "ERR_LMSPT_CONFIG") throw cause;
    throw configError([`model${place}: ${cause.message}`], cause);
  }
}

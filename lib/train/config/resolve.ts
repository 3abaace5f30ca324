/** From a preset or a YAML file, and key=value pairs, to a whole and valid configuration. */
import { readFile } from "node:fs/promises";
import type { z } from "zod";
import { LmsptError } from "../../errors.js";
import { explainIo } from "../../io/system-errors.js";
import { type ModelConfig, parseConfig } from "../../models/config.js";
import { CONFIGS } from "../../models/presets.js";
import { isPlainObject, type Key, type Layer, mergeLayers, objectLayer, overrideLayer, yamlLayer } from "./layers.js";
import { nearest } from "./nearest.js";
import { TRAIN_PRESETS } from "./presets.js";
import { type TrainConfig, trainSchema } from "./schema.js";

/** A configuration that was checked, with the tokenizer's fields in full. */
export type ResolvedConfig = Omit<TrainConfig, "model"> & { readonly model: ModelConfig };

/**
 * `source` is a preset's name, the path of a YAML file (which may name the preset it builds upon as `preset`), or an
 * object like its content. @throws LmsptError ERR_LMSPT_CONFIG that names the key, its place and the nearest valid name
 */
export async function resolveConfig(
  source: string | object,
  overrides: readonly string[] = [],
): Promise<ResolvedConfig> {
  const own = await ownLayer(source);
  const layers = [own, ...overrides.map(overrideLayer)].map(withLongData);
  const { preset, ...rest } = mergeLayers(layers) as Record<string, unknown>;
  if (preset !== undefined) layers.unshift(presetLayer(preset, layers));
  const base = preset === undefined ? {} : TRAIN_PRESETS[preset as string];
  const merged = mergeLayers([objectLayer(base, ""), objectLayer(rest, "")]);
  const result = trainSchema.safeParse(merged);
  if (!result.success) throw configError(result.error.issues.map((issue) => describeIssue(issue, layers)));
  return { ...result.data, model: resolveModelFields(result.data.model, layers) };
}

async function ownLayer(source: string | object): Promise<Layer> {
  if (typeof source === "object") return objectLayer(source, "the configuration");
  if (Object.hasOwn(TRAIN_PRESETS, source)) return objectLayer({ preset: source }, `the preset ${source}`);
  if (!/\.ya?ml$/i.test(source)) {
    const guess = nearest(source, Object.keys(TRAIN_PRESETS));
    throw configError([
      `Expected a preset (${Object.keys(TRAIN_PRESETS).join(", ")}) or a file that ends in .yaml, got ${source}${suggestion(guess)}`,
    ]);
  }
  return yamlLayer(await explainIo(`Cannot read the configuration ${source}`, () => readFile(source, "utf8")), source);
}

function presetLayer(preset: unknown, layers: readonly Layer[]): Layer {
  const names = Object.keys(TRAIN_PRESETS);
  if (typeof preset === "string" && names.includes(preset)) {
    return objectLayer(TRAIN_PRESETS[preset], `the preset ${preset}`);
  }
  const guess = suggestion(nearest(String(preset), names));
  throw configError([`preset${placeOf(["preset"], layers)}: expected ${names.join(" or ")}, got ${preset}${guess}`]);
}

/** `data: folder` is short for `data: { train: folder }`. */
function withLongData(layer: Layer): Layer {
  if (!isPlainObject(layer.values)) {
    throw configError([`${layer.place([]) ?? "The configuration"}: expected keys with values, got ${layer.values}`]);
  }
  const { data } = layer.values;
  if (typeof data !== "string" && !Array.isArray(data)) return layer;
  return { values: { ...layer.values, data: { train: data } }, place: layer.place };
}

function describeIssue(issue: z.core.$ZodIssue, layers: readonly Layer[]): string {
  const path = issue.path as Key[];
  if (issue.code === "unrecognized_keys") {
    return issue.keys
      .map((key) => {
        const guess = suggestion(nearest(key, fieldsAt(path)));
        return `${[...path, key].join(".")}${placeOf([...path, key], layers)}: there is no such key${guess}`;
      })
      .join("\n");
  }
  return `${path.join(".")}${placeOf(path, layers)}: ${issue.message}`;
}

/** The names that are valid below a path. */
function fieldsAt(path: readonly Key[]): string[] {
  const whole: unknown = trainSchema.parse({});
  const inner = path.reduce<unknown>((value, key) => (value as Record<Key, unknown> | undefined)?.[key], whole);
  return path.length === 0 ? Object.keys(trainSchema.shape) : Object.keys(inner ?? {});
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

function placeOf(path: readonly Key[], layers: readonly Layer[]): string {
  for (const layer of [...layers].reverse()) {
    const place = layer.place(path);
    if (place !== undefined) return ` (${place})`;
  }
  return "";
}

function suggestion(guess: string | undefined): string {
  return guess === undefined ? "" : `; did you mean ${guess}?`;
}

function configError(problems: readonly string[], cause?: unknown): LmsptError {
  return new LmsptError("ERR_LMSPT_CONFIG", problems.join("\n"), { cause });
}

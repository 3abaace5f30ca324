/** From a preset or a YAML file, and key=value pairs, to fields that a schema allows. */
import { readFile } from "node:fs/promises";
import type { z } from "zod";
import { LmsptError } from "../../errors.js";
import { explainIo } from "../../io/system-errors.js";
import { isPlainObject, type Key, type Layer, mergeLayers, objectLayer, overrideLayer, yamlLayer } from "./layers.js";
import { nearest } from "./nearest.js";

/** What a kind of configuration may be. */
export interface Form<Schema extends z.ZodObject = z.ZodObject> {
  readonly presets: Readonly<Record<string, object>>;
  readonly schema: Schema;
}

/**
 * `source` is a preset's name, the path of a YAML file (which may name the preset it builds upon as `preset`), or an
 * object like its content. The layers tell where each key came from.
 * @throws LmsptError ERR_LMSPT_CONFIG that names the key, its place and the nearest valid name
 */
export async function resolveFields<Schema extends z.ZodObject>(
  source: string | object,
  overrides: readonly string[],
  form: Form<Schema>,
): Promise<{ fields: z.output<Schema>; layers: readonly Layer[] }> {
  const own = await ownLayer(source, form);
  const layers = [own, ...overrides.map(overrideLayer)].map(withLongData);
  const { preset, ...rest } = mergeLayers(layers) as Record<string, unknown>;
  if (preset !== undefined) layers.unshift(presetLayer(preset, layers, form));
  const base = preset === undefined ? {} : form.presets[preset as string];
  const result = form.schema.safeParse(mergeLayers([objectLayer(base, ""), objectLayer(rest, "")]));
  if (result.success) return { fields: result.data, layers };
  throw configError(result.error.issues.map((issue) => describeIssue(issue, layers, form)));
}

async function ownLayer(source: string | object, { presets }: Form): Promise<Layer> {
  if (typeof source === "object") return objectLayer(source, "the configuration");
  if (Object.hasOwn(presets, source)) return objectLayer({ preset: source }, `the preset ${source}`);
  if (!/\.ya?ml$/i.test(source)) {
    const guess = nearest(source, Object.keys(presets));
    throw configError([
      `Expected a preset (${Object.keys(presets).join(", ")}) or a file that ends in .yaml, got ${source}${suggestion(guess)}`,
    ]);
  }
  return yamlLayer(await explainIo(`Cannot read the configuration ${source}`, () => readFile(source, "utf8")), source);
}

function presetLayer(preset: unknown, layers: readonly Layer[], { presets }: Form): Layer {
  const names = Object.keys(presets);
  if (typeof preset === "string" && names.includes(preset)) {
    return objectLayer(presets[preset], `the preset ${preset}`);
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

function describeIssue(issue: z.core.$ZodIssue, layers: readonly Layer[], { schema }: Form): string {
  const path = issue.path as Key[];
  if (issue.code === "unrecognized_keys") {
    return issue.keys
      .map((key) => {
        const guess = suggestion(nearest(key, fieldsAt(path, schema)));
        return `${[...path, key].join(".")}${placeOf([...path, key], layers)}: there is no such key${guess}`;
      })
      .join("\n");
  }
  return `${path.join(".")}${placeOf(path, layers)}: ${issue.message}`;
}

/** The names that are valid below a path. */
function fieldsAt(path: readonly Key[], schema: Form["schema"]): string[] {
  const whole: unknown = schema.parse({});
  const inner = path.reduce<unknown>((value, key) => (value as Record<Key, unknown> | undefined)?.[key], whole);
  return path.length === 0 ? Object.keys(schema.shape) : Object.keys(inner ?? {});
}

export function placeOf(path: readonly Key[], layers: readonly Layer[]): string {
  for (const layer of [...layers].reverse()) {
    const place = layer.place(path);
    if (place !== undefined) return ` (${place})`;
  }
  return "";
}

export function suggestion(guess: string | undefined): string {
  return guess === undefined ? "" : `; did you mean ${guess}?`;
}

export function configError(problems: readonly string[], cause?: unknown): LmsptError {
  return new LmsptError("ERR_LMSPT_CONFIG", problems.join("\n"), { cause });
}

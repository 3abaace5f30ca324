/** Where a configuration's values come from: layers that each know the place of their keys. */
import { type Document, isMap, isNode, LineCounter, parseDocument } from "yaml";
import { LmsptError } from "../../errors.js";

export type Key = string | number;

/** A part of a configuration, and where its keys stand for people: `train.yaml:7`, `steps=10`. */
export interface Layer {
  readonly values: unknown;
  place(path: readonly Key[]): string | undefined;
}

/** @throws LmsptError ERR_LMSPT_CONFIG with the line where the text is no YAML */
export function yamlLayer(text: string, name: string): Layer {
  const { document, lines } = parseYaml(text, name);
  return {
    values: document.toJS() ?? {},
    place(path) {
      const offset = offsetOf(document, path);
      return offset === undefined ? undefined : `${name}:${lines.linePos(offset).line}`;
    },
  };
}

function parseYaml(text: string, name: string): { document: Document; lines: LineCounter } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const error = document.errors[0];
  if (!error) return { document, lines };
  throw new LmsptError("ERR_LMSPT_CONFIG", `${name}:${lines.linePos(error.pos[0]).line}: ${error.message}`);
}

/** Where a key stands, or the deepest of those above it that does. */
function offsetOf(document: Document, path: readonly Key[]): number | undefined {
  for (let depth = path.length; depth > 0; depth--) {
    const parent = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    if (isMap(parent)) {
      const pair = parent.items.find(({ key }) => String(isNode(key) ? key.toJSON() : key) === String(path[depth - 1]));
      if (pair && isNode(pair.key) && pair.key.range) return pair.key.range[0];
    } else {
      const node = document.getIn(path.slice(0, depth), true);
      if (isNode(node) && node.range) return node.range[0];
    }
  }
  return undefined;
}

/** `a.b=value`, the value as YAML has it. @throws LmsptError ERR_LMSPT_CONFIG */
export function overrideLayer(assignment: string): Layer {
  const match = /^([\w.]+)=(.*)$/s.exec(assignment);
  if (!match) throw new LmsptError("ERR_LMSPT_CONFIG", `Expected key=value, for instance steps=200, got ${assignment}`);
  const keys = match[1]!.split(".");
  const value = match[2]!.trim() === "" ? "" : parseYaml(match[2]!, assignment).document.toJS();
  return {
    values: keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value),
    place: (path) => (keys.every((key, i) => i >= path.length || key === String(path[i])) ? assignment : undefined),
  };
}

export function objectLayer(values: unknown, name: string): Layer {
  const has = (path: readonly Key[]) => {
    let inner = values;
    return path.every((key) => {
      if (typeof inner !== "object" || inner === null || !Object.hasOwn(inner, key)) return false;
      inner = (inner as Record<Key, unknown>)[key];
      return true;
    });
  };
  return { values, place: (path) => (has(path) ? name : undefined) };
}

/** Later layers win; objects are joined, all else is replaced. */
export function mergeLayers(layers: readonly Layer[]): unknown {
  return layers.reduce<unknown>((merged, { values }) => mergeValues(merged, values), {});
}

function mergeValues(below: unknown, above: unknown): unknown {
  if (!isPlainObject(below) || !isPlainObject(above)) return above;
  const merged: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    merged[key] = Object.hasOwn(below, key) ? mergeValues(below[key], value) : value;
  }
  return merged;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

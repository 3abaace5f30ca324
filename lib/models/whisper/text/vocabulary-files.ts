/** The public tokenizer files: tokenizer.json alone, or vocab.json with merges.txt and added_tokens.json. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FormatError, LmsptError } from "../../../errors.js";
import { writeText } from "../../../io/atomic-file.js";
import { readJsonFile } from "../../../io/json-file.js";
import { explainIo, isFile } from "../../../io/system-errors.js";
import type { Pair } from "./byte-pairs.js";
import { TextTokenizer, type TextVocabulary } from "./text-tokenizer.js";

const NAMES = { whole: "tokenizer.json", text: "vocab.json", merges: "merges.txt", special: "added_tokens.json" };

/** @throws LmsptError ERR_LMSPT_MODEL where the folder holds none, FormatError where they are not what they should be */
export async function loadTextTokenizer(folder: string): Promise<TextTokenizer> {
  const has = (name: string) => isFile(join(folder, name));
  if ((await has(NAMES.text)) && (await has(NAMES.merges))) return new TextTokenizer(await readParts(folder));
  if (await has(NAMES.whole)) return new TextTokenizer(parseWhole(await readJsonFile(join(folder, NAMES.whole))));
  throw new LmsptError(
    "ERR_LMSPT_MODEL",
    `Expected a tokenizer in ${folder}, ${NAMES.text} with ${NAMES.merges} or ${NAMES.whole}; found neither`,
  );
}

/** Writes vocab.json, merges.txt and added_tokens.json. */
export async function saveTextTokenizer(folder: string, { text, merges, special }: TextVocabulary): Promise<void> {
  const asJson = (tokens: ReadonlyMap<string, number>) => JSON.stringify(Object.fromEntries(tokens), undefined, 1);
  await writeText(join(folder, NAMES.text), asJson(text));
  await writeText(join(folder, NAMES.merges), ["#version: 0.2", ...merges.map((pair) => pair.join(" "))].join("\n"));
  await writeText(join(folder, NAMES.special), asJson(special));
}

async function readParts(folder: string): Promise<TextVocabulary> {
  const text = tokensOf(await readJsonFile(join(folder, NAMES.text)), NAMES.text);
  const path = join(folder, NAMES.special);
  const added = (await isFile(path)) ? tokensOf(await readJsonFile(path), NAMES.special) : new Map<string, number>();
  const lines = (await readLines(join(folder, NAMES.merges))).filter((line) => line !== "" && !/^#version/.test(line));
  return { text, merges: lines.map(pairOf), special: new Map([...specialOf(text), ...added]) };
}

function parseWhole(json: unknown): TextVocabulary {
  const { model, added_tokens: added } = json as {
    model?: { vocab?: unknown; merges?: unknown };
    added_tokens?: { id?: unknown; content?: unknown }[];
  };
  if (!Array.isArray(model?.merges)) throw new FormatError(`${NAMES.whole}: expected a list model.merges`);
  const text = tokensOf(model.vocab, `${NAMES.whole}, model.vocab`);
  const pairs = (Array.isArray(added) ? added : []).map(({ id, content }) => [content, id] as const);
  const special = tokensOf(Object.fromEntries(pairs), `${NAMES.whole}, added_tokens`);
  return { text, merges: model.merges.map(pairOf), special: new Map([...specialOf(text), ...special]) };
}

/** Special tokens that stand among those of text. */
function specialOf(text: ReadonlyMap<string, number>): [string, number][] {
  return [...text].filter(([name]) => /^<\|.+\|>$/.test(name));
}

/** A merge is written "a b" or, in newer files, ["a", "b"]. */
function pairOf(merge: unknown): Pair {
  const parts = typeof merge === "string" ? merge.split(" ") : merge;
  if (Array.isArray(parts) && parts.length === 2 && parts.every((part) => typeof part === "string" && part !== "")) {
    return [parts[0], parts[1]];
  }
  throw new FormatError(`Expected a merge of two parts, got ${JSON.stringify(merge)}`);
}

function tokensOf(value: unknown, name: string): Map<string, number> {
  const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
  if (value !== undefined && entries.every(([, token]) => Number.isInteger(token) && token >= 0)) {
    return new Map(entries);
  }
  throw new FormatError(`${name}: expected an object of tokens and their numbers`);
}

async function readLines(path: string): Promise<string[]> {
  return (await explainIo(`Cannot read ${path}`, () => readFile(path, "utf8"))).split(/\r?\n/);
}

/** JSONL manifests: an object a line, in the words of several toolkits. */
import { dirname, resolve } from "node:path";
import { FormatError, LmsptError } from "../../../errors.js";
import type { CorpusEntry } from "../corpus.js";
import { readLines } from "./lines.js";

/** Names under which manifests hold what an entry tells. */
const PATH_FIELDS = ["audio", "audio_filepath", "path", "wav"];
const TEXT_FIELDS = ["text", "transcript", "sentence"];
const SPEAKER_FIELDS = ["speaker", "speaker_id", "voice"];
const LANGUAGE_FIELDS = ["language", "lang"];
const SECONDS_FIELDS = ["duration", "seconds"];

/** Paths count from the manifest's folder. @throws FormatError with the line */
export async function readManifest(path: string): Promise<CorpusEntry[]> {
  const lines = await readLines(path);
  return lines.map(({ line, place }) => {
    const fields = parseObject(line, place);
    const file = first(fields, PATH_FIELDS, isText);
    if (file === undefined) {
      throw new FormatError(`${place}: expected the path of an audio file as ${PATH_FIELDS.join(", ")}`);
    }
    if (typeof fields.offset === "number" && fields.offset !== 0) {
      throw new LmsptError(
        "ERR_LMSPT_UNSUPPORTED",
        `${place}: expected recordings of their own, got one from ${fields.offset} s on; cut it out of its file first`,
      );
    }
    return { source: { path: resolve(dirname(path), file) }, ...factsOf(fields) };
  });
}

/** What an object says about a recording besides where it lies. */
export function factsOf(fields: Readonly<Record<string, unknown>>): Omit<CorpusEntry, "source"> {
  return defined({
    text: first(fields, TEXT_FIELDS, isText),
    speaker: first(fields, SPEAKER_FIELDS, isText),
    language: first(fields, LANGUAGE_FIELDS, isText),
    seconds: first(fields, SECONDS_FIELDS, isLength),
  });
}

/** @throws FormatError that begins with `place` */
export function parseObject(text: string, place: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`${place}: ${(cause as Error).message}`, undefined, { cause });
  }
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** Without the members that are undefined. */
export function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}

function first<T>(
  fields: Readonly<Record<string, unknown>>,
  names: readonly string[],
  is: (value: unknown) => value is T,
): T | undefined {
  return names.map((name) => fields[name]).find(is);
}

const isText = (value: unknown): value is string => typeof value === "string";
const isLength = (value: unknown): value is number => typeof value === "number" && value >= 0;

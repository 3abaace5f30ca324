/** Recordings with what is said in them. */
import { FormatError } from "../../errors.js";
import { normalizeText } from "../../eval/normalize-text.js";
import { type CorpusItem, listItems } from "../data/index.js";
import type { RecogniserConfig } from "./schema.js";

/** Names under which manifests hold what is said. */
const TEXT_FIELDS = ["text", "transcript", "sentence"];

export interface Utterance {
  readonly path: string;
  readonly text: string;
  readonly language: string;
}

/** Of the languages that the configuration wants; texts as it wants them. @throws FormatError for an item without text */
export async function listUtterances(sources: readonly string[], config: RecogniserConfig): Promise<Utterance[]> {
  const { languages } = config.data;
  const all = (await listItems(sources)).map((item) => utteranceOf(item, config.text.normalize));
  const wanted = all.filter(({ language }) => languages.length === 0 || languages.includes(language));
  if (wanted.length > 0) return wanted;
  throw new FormatError(`Expected utterances in ${languages.join(", ")} in ${sources.join(", ")}, found none`);
}

function utteranceOf({ path, fields }: CorpusItem, normalize: boolean): Utterance {
  const text = TEXT_FIELDS.map((name) => fields[name]).find((value) => typeof value === "string") as string | undefined;
  if (text === undefined) {
    throw new FormatError(
      `Expected a manifest (.jsonl) that says as ${TEXT_FIELDS.join(" or ")} what is said in ${path}; it does not`,
    );
  }
  const { language = "en" } = fields;
  return { path, text: normalize ? normalizeText(text) : text.trim(), language: String(language) };
}

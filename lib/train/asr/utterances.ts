/** Recordings with what is said in them. */
import { FormatError } from "../../errors.js";
import { normalizeText } from "../../eval/normalize-text.js";
import { type AudioSource, type CorpusEntry, describeSource, loadCorpus } from "../data/index.js";
import type { RecogniserConfig } from "./schema.js";

export interface Utterance {
  readonly source: AudioSource;
  readonly text: string;
  readonly language: string;
}

/** Of the languages that the configuration wants; texts as it wants them. @throws FormatError for an item without text */
export async function listUtterances(sources: readonly string[], config: RecogniserConfig): Promise<Utterance[]> {
  const { languages } = config.data;
  const all = (await loadCorpus(sources)).map((entry) => utteranceOf(entry, config.text.normalize));
  const wanted = all.filter(({ language }) => languages.length === 0 || languages.includes(language));
  if (wanted.length > 0) return wanted;
  throw new FormatError(`Expected utterances in ${languages.join(", ")} in ${sources.join(", ")}, found none`);
}

function utteranceOf({ source, text, language = "en" }: CorpusEntry, normalize: boolean): Utterance {
  if (text === undefined) {
    throw new FormatError(
      `Expected a manifest, or another corpus that says what is said in ${describeSource(source)}; it does not`,
    );
  }
  return { source, text: normalize ? normalizeText(text) : text.trim(), language };
}

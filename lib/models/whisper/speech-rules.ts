/** The rules of a model folder: its tokenizer files, and generation_config.json where there is one. */
import { join } from "node:path";
import { FormatError } from "../../errors.js";
import { readJsonFile } from "../../io/json-file.js";
import { isFile } from "../../io/system-errors.js";
import type { WhisperConfig } from "./config.js";
import type { TextTokenizer } from "./text/text-tokenizer.js";
import { loadTextTokenizer } from "./text/vocabulary-files.js";
import type { SpeechRules } from "./transcription.js";

/** Tokens of the published models that know English alone. */
const ENGLISH_VOCABULARY = 51864;

/** @throws LmsptError ERR_LMSPT_MODEL where the folder has no tokenizer, FormatError for files that are damaged */
export async function loadSpeechRules(folder: string, config: WhisperConfig): Promise<SpeechRules> {
  const path = join(folder, "generation_config.json");
  return speechRules(await loadTextTokenizer(folder), config, (await isFile(path)) ? await readObject(path) : {});
}

/** `published` is what generation_config.json says. */
export function speechRules(
  tokenizer: TextTokenizer,
  { vocab_size, max_target_positions }: WhisperConfig,
  published: Readonly<Record<string, unknown>> = {},
): SpeechRules {
  const { is_multilingual, suppress_tokens, begin_suppress_tokens } = published;
  return {
    tokenizer,
    isMultilingual: typeof is_multilingual === "boolean" ? is_multilingual : vocab_size !== ENGLISH_VOCABULARY,
    suppress: [...new Set([...tokenizer.unspeakable(vocab_size), ...tokensOf(suppress_tokens, vocab_size)])],
    suppressFirst: tokensOf(begin_suppress_tokens, vocab_size),
    positions: max_target_positions,
  };
}

function tokensOf(value: unknown, count: number): number[] {
  return Array.isArray(value) ? value.filter((token) => Number.isInteger(token) && token >= 0 && token < count) : [];
}

async function readObject(path: string): Promise<Record<string, unknown>> {
  const value = await readJsonFile(path);
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw new FormatError(`Expected an object in ${path}`);
}

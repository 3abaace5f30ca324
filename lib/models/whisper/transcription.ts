/** One window of speech to text. */
import type { CachedDecoder } from "./decoding.js";
import { type FoundText, search } from "./search.js";
import { type SpeechTask, START, type TextTokenizer } from "./text/text-tokenizer.js";

/** What the recogniser of a model knows besides its weights. */
export interface SpeechRules {
  readonly tokenizer: TextTokenizer;
  /** Whether language and task are said in the prompt; models of English alone do not. */
  readonly isMultilingual: boolean;
  readonly suppress: readonly number[];
  readonly suppressFirst: readonly number[];
  /** Positions that the decoder has. */
  readonly positions: number;
}

export interface TranscriptionOptions {
  readonly beams: number;
  /** By its code; it is found out where it is not given. */
  readonly language?: string;
  readonly task?: SpeechTask;
  readonly signal?: AbortSignal;
}

/** `decoder` has as many beams as are asked for. `audio` fills its window. */
export async function transcribeWindow(
  decoder: CachedDecoder,
  audio: Float32Array,
  rules: SpeechRules,
  { beams, language, task, signal }: TranscriptionOptions,
): Promise<FoundText & { readonly language: string | undefined }> {
  signal?.throwIfAborted();
  const { tokenizer, isMultilingual, suppress, suppressFirst, positions } = rules;
  await decoder.hear(audio);
  const spoken = isMultilingual ? (language ?? (await detectLanguage(decoder, tokenizer, beams))) : undefined;
  const prompt = tokenizer.prompt(spoken, task);
  const next: CachedDecoder["step"] = (...step) => {
    signal?.throwIfAborted();
    return decoder.step(...step);
  };
  const most = positions - prompt.length;
  const found = await search(next, { prompt, end: tokenizer.end, suppress, suppressFirst, most, beams });
  return { ...found, language: spoken };
}

/** The language whose token is the likeliest behind the start. */
async function detectLanguage(decoder: CachedDecoder, tokenizer: TextTokenizer, beams: number): Promise<string> {
  const same = Int32Array.from({ length: beams }, (_, i) => i);
  const scores = await decoder.step(new Int32Array(beams).fill(tokenizer.special(START)), same, 0);
  const scoreOf = (language: string) => scores[tokenizer.languageToken(language)]!;
  return tokenizer.languages.reduce((best, language) => (scoreOf(language) > scoreOf(best) ? language : best));
}

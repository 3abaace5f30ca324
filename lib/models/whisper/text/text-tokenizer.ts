/** Whisper's text tokens: byte pairs for text, and special tokens that say what is to be done and where it ends. */
import { FormatError, invalidArgument, LmsptError } from "../../../errors.js";
import { fromLetters, toLetters } from "./byte-letters.js";
import { BytePairs, type Pair } from "./byte-pairs.js";
import { splitWords } from "./words.js";

/** What the public tokenizer files hold. */
export interface TextVocabulary {
  /** Tokens of text, in byte letters, by their numbers. */
  readonly text: ReadonlyMap<string, number>;
  readonly merges: readonly Pair[];
  /** Special tokens, `<|en|>` for instance. */
  readonly special: ReadonlyMap<string, number>;
}

export const END = "<|endoftext|>";
export const START = "<|startoftranscript|>";
const NO_TIMESTAMPS = "<|notimestamps|>";
const LANGUAGE = /^<\|([a-z]{2,3})\|>$/;

export type SpeechTask = "transcribe" | "translate";

export class TextTokenizer {
  private readonly pairs: BytePairs;
  private readonly texts: ReadonlyMap<number, Uint8Array>;

  /** @throws FormatError where tokens are missing or are written in no byte letters */
  constructor(readonly vocabulary: TextVocabulary) {
    const { text, merges, special } = vocabulary;
    this.pairs = new BytePairs(merges);
    const texts = new Map<number, Uint8Array>();
    for (const [letters, token] of text) {
      if (special.has(letters)) continue;
      const bytes = fromLetters(letters);
      if (!bytes) throw new FormatError(`Expected a vocabulary in byte letters, but it holds ${letters}`);
      texts.set(token, bytes);
    }
    this.texts = texts;
    for (const name of [END, START]) {
      if (!special.has(name)) throw new FormatError(`Expected a vocabulary with the special token ${name}`);
    }
  }

  /** The languages that have a token, by their codes. */
  get languages(): readonly string[] {
    return [...this.vocabulary.special.keys()].flatMap((name) => LANGUAGE.exec(name)?.[1] ?? []);
  }

  get end(): number {
    return this.special(END);
  }

  /** @throws LmsptError ERR_LMSPT_MODEL where there is no such token */
  special(name: string): number {
    const token = this.vocabulary.special.get(name);
    if (token !== undefined) return token;
    throw new LmsptError("ERR_LMSPT_MODEL", `Expected the special token ${name}, which this vocabulary has not`);
  }

  /** @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT for a language that has no token */
  languageToken(language: string): number {
    const token = this.vocabulary.special.get(`<|${language}|>`);
    if (token !== undefined && this.languages.includes(language)) return token;
    throw invalidArgument("language", `one of ${this.languages.join(", ")}`, language);
  }

  /** The tokens of text; special ones are not recognised in it. */
  encode(text: string): number[] {
    return splitWords(text).flatMap((word) => this.pairs.split(toLetters(word)).map((part) => this.tokenOf(part)));
  }

  /** The text of tokens; special ones are left out, bytes that are no UTF-8 become U+FFFD. */
  decode(tokens: Iterable<number>): string {
    return Buffer.concat([...tokens].map((token) => this.texts.get(token) ?? new Uint8Array(0))).toString("utf8");
  }

  /**
   * What a transcript begins with. Without a language (in models of English alone), neither language nor task is said.
   */
  prompt(language: string | undefined, task: SpeechTask = "transcribe"): number[] {
    const first = this.special(START);
    const asked = language === undefined ? [] : [this.languageToken(language), this.special(`<|${task}|>`)];
    return [first, ...asked, this.special(NO_TIMESTAMPS)];
  }

  /** Tokens that are never part of a transcript: times, all special ones but the end, and numbers that mean nothing. */
  unspeakable(count: number): number[] {
    const { end } = this;
    return Array.from({ length: count }, (_, token) => token).filter(
      (token) => token !== end && !this.texts.has(token),
    );
  }

  private tokenOf(part: string): number {
    const token = this.vocabulary.text.get(part);
    if (token !== undefined) return token;
    throw new LmsptError("ERR_LMSPT_MODEL", `Expected a vocabulary with the token ${part}, which its merges make`);
  }
}

import type { Draw } from "../draw.js";
import { type Grammar, makeSentence } from "../grammar.js";
import { fixArticles } from "../words/english-forms.js";
import { ENGLISH } from "./english.js";
import { FRENCH } from "./french.js";
import { GERMAN } from "./german.js";
import { ITALIAN } from "./italian.js";
import { SPANISH } from "./spanish.js";

export type LanguageCode = "en" | "de" | "fr" | "es" | "it";

export const GRAMMARS: Readonly<Record<LanguageCode, Grammar>> = {
  en: ENGLISH,
  de: GERMAN,
  fr: FRENCH,
  es: SPANISH,
  it: ITALIAN,
};

/** How many sentences of a language come, relative to the others. */
export const LANGUAGES: readonly { readonly code: LanguageCode; readonly weight: number }[] = [
  { code: "en", weight: 80 },
  { code: "de", weight: 5 },
  { code: "fr", weight: 5 },
  { code: "es", weight: 5 },
  { code: "it", weight: 5 },
];

export function sayIn(language: LanguageCode, draw: Draw): string {
  const sentence = makeSentence(GRAMMARS[language], draw);
  return language === "en" ? fixArticles(sentence) : sentence;
}

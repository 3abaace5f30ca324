/** A vocabulary for a corpus of its own, in the form of the public ones. */
import { BYTE_LETTERS, toLetters } from "./byte-letters.js";
import { learnPairs } from "./byte-pairs.js";
import { END, START, type TextVocabulary } from "./text-tokenizer.js";
import { splitWords } from "./words.js";

/** All bytes, the `merges` most frequent pairs of the texts, and special tokens with those of the languages. */
export function buildVocabulary(
  texts: Iterable<string>,
  { merges: most, languages }: { readonly merges: number; readonly languages: readonly string[] },
): TextVocabulary {
  const words = new Map<string, number>();
  for (const text of texts) {
    for (const word of splitWords(text)) {
      const letters = toLetters(word);
      words.set(letters, (words.get(letters) ?? 0) + 1);
    }
  }
  const merges = learnPairs(words, most);
  const parts = new Set([...BYTE_LETTERS, ...merges.map((pair) => pair.join(""))]);
  const text = new Map([...parts].map((part, token) => [part, token]));
  const names = [
    END,
    START,
    ...languages.map((language) => `<|${language}|>`),
    "<|translate|>",
    "<|transcribe|>",
    "<|notimestamps|>",
  ];
  return { text, merges, special: new Map(names.map((name, i) => [name, text.size + i])) };
}

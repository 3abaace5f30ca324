/** Where byte pairs are never joined across: text is cut into words first, each with the space before it. */
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

export function splitWords(text: string): string[] {
  return text.match(WORDS) ?? [];
}

/**
 * Text as error rates compare it: compatible characters unified (NFKC), lower case, without punctuation, words apart by one
 * space. Apostrophes inside words and points and commas inside numbers stay; numbers are not written out.
 */
export function normalizeText(text: string): string {
  return text
    .normalize("NFKC")
    .replace(/[\u2018\u2019]/g, "'")
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}'.,]+/gu, " ")
    .replace(/(?<!\p{N})[.,]+|[.,]+(?!\p{N})/gu, " ")
    .replace(/(?<![\p{L}\p{M}])'+|'+(?!\p{L})/gu, " ")
    .replace(/ +/g, " ")
    .trim();
}

/** Byte-level vocabularies write every byte as a letter that can be seen; a space is written as U+0120. */

/** Bytes that stand for themselves: printable ASCII and Latin-1. */
const isPrintable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;

/** The letter of every byte; those that cannot be seen get the letters from U+0100 on. */
export const BYTE_LETTERS: readonly string[] = (() => {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
})();

const BYTES = new Map(BYTE_LETTERS.map((letter, byte) => [letter, byte]));

export function toLetters(text: string): string {
  return Array.from(Buffer.from(text, "utf8"), (byte) => BYTE_LETTERS[byte]).join("");
}

/** The bytes that letters stand for; undefined where one stands for none. */
export function fromLetters(letters: string): Uint8Array | undefined {
  const bytes = Array.from(letters, (letter) => BYTES.get(letter));
  return bytes.includes(undefined) ? undefined : Uint8Array.from(bytes as number[]);
}

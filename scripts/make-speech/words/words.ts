/** The words of a text. */
export function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

/** Phrases that stand on lines of their own. */
export function phrases(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

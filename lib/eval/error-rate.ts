/** How far recognised text is from what was said. */
import { invalidArgument } from "../errors.js";
import { editDistance } from "./edit-distance.js";
import { normalizeText } from "./normalize-text.js";

/**
 * Word error rate: words inserted, left out or replaced, per word of the reference; 0 for equal texts, above 1 where more
 * is wrong than was said. Both sides pass through `normalizeText`. Of lists, the errors of all texts per word of all.
 *
 * @throws LmsptError `ERR_LMSPT_INVALID_ARGUMENT` where the references hold no word, or the lists differ in length
 */
export function wordErrorRate(reference: string | readonly string[], hypothesis: string | readonly string[]): number {
  return errorRate(reference, hypothesis, "word", (text) => text.split(" ").filter((word) => word !== ""));
}

/** Character error rate: as the word error rate, of characters; a space between words is one. */
export function characterErrorRate(
  reference: string | readonly string[],
  hypothesis: string | readonly string[],
): number {
  return errorRate(reference, hypothesis, "character", (text) => [...text]);
}

function errorRate(
  reference: string | readonly string[],
  hypothesis: string | readonly string[],
  unit: string,
  split: (text: string) => string[],
): number {
  const expected = textsOf("reference", reference);
  const found = textsOf("hypothesis", hypothesis);
  if (expected.length !== found.length) {
    throw invalidArgument("hypothesis", `${expected.length} texts, as many as references,`, found.length);
  }
  const units = (text: string) => split(normalizeText(text));
  const total = expected.reduce((sum, text) => sum + units(text).length, 0);
  if (total === 0) throw invalidArgument("reference", `at least one ${unit}`, reference);
  const errors = expected.reduce((sum, text, i) => sum + editDistance(units(text), units(found[i]!)), 0);
  return errors / total;
}

function textsOf(name: string, given: string | readonly string[]): readonly string[] {
  const texts = typeof given === "string" ? [given] : given;
  if (Array.isArray(texts) && texts.every((text) => typeof text === "string")) return texts;
  throw invalidArgument(name, "text or a list of texts", given);
}

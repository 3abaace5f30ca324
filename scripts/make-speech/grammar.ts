/**
 * Grammars that make sentences: every rule has alternatives, in which `{rule}` stands for what that rule makes and
 * `{rule?}` for that or, as often, for nothing.
 */
import type { Draw } from "./draw.js";

export type Grammar = Readonly<Record<string, readonly string[]>>;

/** What the rule `sentence` makes, with single spaces and a capital letter at the start. */
export function makeSentence(grammar: Grammar, draw: Draw): string {
  const text = expand(grammar, "sentence", draw)
    .replace(/\s+/g, " ")
    .replace(/ (?=[,.?!])/g, "")
    .trim();
  return text.replace(/\p{L}/u, (letter) => letter.toUpperCase());
}

function expand(grammar: Grammar, rule: string, draw: Draw): string {
  const alternatives = grammar[rule];
  if (!alternatives) throw new Error(`The grammar has no rule ${rule}`);
  return draw.pick(alternatives).replace(/\{([a-z]+)(\??)\}/gi, (_, name: string, optional: string) => {
    return optional && draw.fraction() < 0.5 ? "" : expand(grammar, name, draw);
  });
}

/** The words that a grammar can say, in lower case. */
export function vocabulary(grammar: Grammar): Set<string> {
  const text = Object.values(grammar)
    .flat()
    .join(" ")
    .replace(/\{[^}]*\}/g, " ");
  return new Set(text.toLowerCase().match(/\p{L}+(['’-]\p{L}+)*/gu) ?? []);
}

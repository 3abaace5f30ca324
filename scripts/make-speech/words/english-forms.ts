/** Inflection of English words: the rules, and the words that do not follow them. */
import { words } from "./words.js";

const PLURALS: Readonly<Record<string, string>> = pairs(`
man men woman women child children fireman firemen postman postmen fisherman fishermen wife wives thief thieves knife
knives leaf leaves loaf loaves calf calves wolf wolves shelf shelves mouse mice goose geese sheep sheep deer deer moose
moose salmon salmon trout trout shrimp shrimp hero heroes potato potatoes tomato tomatoes echo echoes volcano volcanoes
mosquito mosquitoes mango mangoes buffalo buffaloes octopus octopuses bus buses gas gases fish fish`);

const PASTS: Readonly<Record<string, string>> = pairs(`
throw threw catch caught hit hit break broke build built sweep swept hide hid find found lose lost steal stole buy bought
sell sold lend lent keep kept bring brought take took send sent choose chose hold held cut cut tear tore bend bent draw
drew forget forgot dig dug lead led shake shook meet met teach taught feed fed hear heard see saw know knew forgive
forgave wake woke leave left understand understood begin began sleep slept stand stood sit sat lie lay run ran swim swam
sing sang speak spoke read read write wrote fall fell rise rose eat ate drink drank think thought grow grew win won fly
flew freeze froze spin spun shine shone ring rang sink sank burn burned dive dived kneel knelt stop stopped drop dropped
grab grabbed stir stirred plan planned admit admitted hug hugged step stepped ski skied prefer preferred nod nodded hum
hummed slip slipped drag dragged wrap wrapped drip dripped rot rotted jog jogged permit permitted travel traveled chat
chatted label labeled fit fit cancel canceled`);

export function plural(noun: string): string {
  if (PLURALS[noun] !== undefined) return PLURALS[noun];
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return /(s|x|z|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`;
}

/** With he, she or it. */
export function third(verb: string): string {
  if (/[^aeiou]y$/.test(verb)) return `${verb.slice(0, -1)}ies`;
  return /(s|x|z|ch|sh|o)$/.test(verb) ? `${verb}es` : `${verb}s`;
}

export function past(verb: string): string {
  if (PASTS[verb] !== undefined) return PASTS[verb];
  if (verb.endsWith("e")) return `${verb}d`;
  return /[^aeiou]y$/.test(verb) ? `${verb.slice(0, -1)}ied` : `${verb}ed`;
}

/** Verbs whose last letter stands twice before an ending. */
const DOUBLED = new Set(
  words(`hit run swim sit stop drop grab stir dig cut admit hug begin win spin nod hum slip drag wrap drip rot prefer`),
);

export function continuous(verb: string): string {
  if (verb === "lie" || verb === "tie") return `${verb.slice(0, -2)}ying`;
  if (DOUBLED.has(verb)) return `${verb}${verb.at(-1)}ing`;
  return /[^eoy]e$/.test(verb) ? `${verb.slice(0, -1)}ing` : `${verb}ing`;
}

/** `a` before a vowel that is heard becomes `an`. */
export function fixArticles(sentence: string): string {
  return sentence.replace(/\b([Aa]) (?=([A-Za-z]+))/g, (article, a: string, next: string) =>
    isVowelHeard(next) ? `${a}n ` : article,
  );
}

function isVowelHeard(word: string): boolean {
  if (/^(honest|hour|heir)/i.test(word)) return true;
  return /^[aeiou]/i.test(word) && !/^(uni|use|usu|euro|one|ewe)/i.test(word);
}

/** A word, its form, the next word, its form ... */
function pairs(text: string): Record<string, string> {
  const list = words(text);
  return Object.fromEntries(list.flatMap((word, i) => (i % 2 === 0 ? [[word, list[i + 1]!]] : [])));
}

/** From scores to tokens: greedy and beam search. */
import { invalidArgument } from "../../errors.js";

export interface SearchOptions {
  /** The tokens to begin with, for instance <|startoftranscript|><|en|><|transcribe|><|notimestamps|>. */
  readonly prompt: readonly number[];
  /** The token that ends a text. */
  readonly end: number;
  /** Tokens that are never chosen. */
  readonly suppress?: readonly number[];
  /** Tokens that are not the first behind the prompt. */
  readonly suppressFirst?: readonly number[];
  /** Most tokens behind the prompt. */
  readonly most: number;
  /** Texts that are followed at a time; 1 is greedy. */
  readonly beams: number;
}

/** A text and how likely it is: the mean of its tokens' logarithmic probabilities, the end included. */
export interface FoundText {
  readonly tokens: readonly number[];
  readonly score: number;
}

/** As CachedDecoder.step: the scores (beams, vocabulary) behind these tokens. */
export type NextScores = (tokens: Int32Array, parents: Int32Array, position: number) => Promise<Float32Array>;

interface Beam {
  readonly tokens: readonly number[];
  /** Sum of the logarithmic probabilities. */
  readonly total: number;
  readonly parent: number;
}

/** The likeliest text that the search finds. */
export async function search(next: NextScores, options: SearchOptions): Promise<FoundText> {
  const { prompt, end, most, beams: count } = options;
  if (prompt.length === 0) throw invalidArgument("prompt", "at least one token", prompt);
  let scores = await readPrompt(next, prompt, count);
  let beams: Beam[] = [{ tokens: [], total: 0, parent: 0 }];
  const ended: FoundText[] = [];
  for (let position = prompt.length; ; position++) {
    const candidates = likeliest(beams, scores, options);
    for (const { tokens, total } of candidates.slice(0, count).filter(({ tokens }) => tokens.at(-1) === end)) {
      ended.push({ tokens: tokens.slice(0, -1), score: total / tokens.length });
    }
    beams = candidates.filter(({ tokens }) => tokens.at(-1) !== end).slice(0, count);
    if (ended.length >= count || beams.length === 0) break;
    if (beams[0]!.tokens.length >= most) {
      if (ended.length === 0)
        ended.push(...beams.map(({ tokens, total }) => ({ tokens, score: total / tokens.length })));
      break;
    }
    const padded = Array.from({ length: count }, (_, i) => beams[i] ?? beams[0]!);
    const tokens = Int32Array.from(padded, (beam) => beam.tokens.at(-1)!);
    scores = await next(
      tokens,
      Int32Array.from(padded, ({ parent }) => parent),
      position,
    );
  }
  return ended.reduce((best, text) => (text.score > best.score ? text : best));
}

async function readPrompt(next: NextScores, prompt: readonly number[], beams: number): Promise<Float32Array> {
  const same = Int32Array.from({ length: beams }, (_, i) => i);
  let scores = new Float32Array(0);
  for (const [position, token] of prompt.entries()) {
    scores = new Float32Array(await next(new Int32Array(beams).fill(token), same, position));
  }
  return scores;
}

/** The likeliest continuations of all beams, the best first, twice as many as beams: half of them may have ended. */
function likeliest(
  beams: readonly Beam[],
  scores: Float32Array,
  { suppress = [], suppressFirst = [], beams: count }: SearchOptions,
): Beam[] {
  const vocabulary = scores.length / count;
  const found: Beam[] = [];
  for (const [i, beam] of beams.entries()) {
    const row = scores.slice(i * vocabulary, (i + 1) * vocabulary);
    for (const token of suppress) row[token] = Number.NEGATIVE_INFINITY;
    if (beam.tokens.length === 0) for (const token of suppressFirst) row[token] = Number.NEGATIVE_INFINITY;
    const normalizer = logSumExp(row);
    for (const token of largest(row, 2 * count)) {
      found.push({ tokens: [...beam.tokens, token], total: beam.total + row[token]! - normalizer, parent: i });
    }
  }
  return found.sort((a, b) => b.total - a.total).slice(0, 2 * count);
}

function logSumExp(row: Float32Array): number {
  const top = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return top + Math.log(row.reduce((sum, value) => sum + Math.exp(value - top), 0));
}

/** The indices of the largest values; of equal ones the first. */
function largest(row: Float32Array, count: number): number[] {
  const best: number[] = [];
  for (let i = 0; i < row.length; i++) {
    if (best.length === count && row[i]! <= row[best.at(-1)!]!) continue;
    let at = best.length;
    while (at > 0 && row[i]! > row[best[at - 1]!]!) at--;
    best.splice(at, 0, i);
    if (best.length > count) best.pop();
  }
  return best.filter((i) => row[i] !== Number.NEGATIVE_INFINITY);
}

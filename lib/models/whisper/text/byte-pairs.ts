/** Byte pair encoding (Sennrich et al. 2016) of words that are written in byte letters. */

export type Pair = readonly [left: string, right: string];

const keyOf = (left: string, right: string) => `${left} ${right}`;

export class BytePairs {
  private readonly ranks: ReadonlyMap<string, number>;
  private readonly known = new Map<string, readonly string[]>();

  /** The earlier a pair, the sooner it is joined. */
  constructor(readonly merges: readonly Pair[]) {
    this.ranks = new Map(merges.map(([left, right], rank) => [keyOf(left, right), rank]));
  }

  /** The parts of a word: of the pairs side by side, the one of lowest rank is joined, as long as there is one. */
  split(word: string): readonly string[] {
    const known = this.known.get(word);
    if (known) return known;
    let parts = [...word];
    for (;;) {
      const best = this.bestPair(parts);
      if (best === undefined) break;
      parts = joinPair(parts, best);
    }
    this.known.set(word, parts);
    return parts;
  }

  private bestPair(parts: readonly string[]): Pair | undefined {
    let best: Pair | undefined;
    let lowest = Number.POSITIVE_INFINITY;
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = this.ranks.get(keyOf(parts[i]!, parts[i + 1]!));
      if (rank === undefined || rank >= lowest) continue;
      lowest = rank;
      best = [parts[i]!, parts[i + 1]!];
    }
    return best;
  }
}

/**
 * The pairs to join, the most frequent first, of words with their numbers in a corpus; of equally frequent ones the first in
 * the order of code units. Pairs that come up once are left.
 */
export function learnPairs(words: ReadonlyMap<string, number>, most: number): Pair[] {
  let corpus = [...words].map(([word, count]) => ({ parts: [...word], count }));
  const merges: Pair[] = [];
  while (merges.length < most) {
    const best = mostFrequent(corpus);
    if (best === undefined) break;
    merges.push(best);
    corpus = corpus.map(({ parts, count }) => ({ parts: joinPair(parts, best), count }));
  }
  return merges;
}

function mostFrequent(corpus: readonly { parts: readonly string[]; count: number }[]): Pair | undefined {
  const counts = new Map<string, number>();
  for (const { parts, count } of corpus) {
    for (let i = 0; i + 1 < parts.length; i++) {
      const key = keyOf(parts[i]!, parts[i + 1]!);
      counts.set(key, (counts.get(key) ?? 0) + count);
    }
  }
  let best: string | undefined;
  let highest = 1;
  for (const [key, count] of counts) {
    if (count > highest || (count === highest && best !== undefined && key < best)) [best, highest] = [key, count];
  }
  return best?.split(" ") as unknown as Pair | undefined;
}

function joinPair(parts: readonly string[], [left, right]: Pair): string[] {
  const joined: string[] = [];
  for (let i = 0; i < parts.length; i++) {
    if (parts[i] === left && parts[i + 1] === right) {
      joined.push(left + right);
      i++;
    } else {
      joined.push(parts[i]!);
    }
  }
  return joined;
}

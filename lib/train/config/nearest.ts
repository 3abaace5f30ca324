/** The candidate that is spelt most like `name`, where one is near enough to be meant. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const most = Math.max(2, Math.ceil(name.length / 3));
  const rated = candidates.map((candidate) => ({ candidate, distance: editDistance(name, candidate) }));
  rated.sort((a, b) => a.distance - b.distance);
  return rated[0] && rated[0].distance <= most ? rated[0].candidate : undefined;
}

/** Insertions, deletions and replacements that make `b` of `a` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous.at(-1)!;
}

/** How far work may run ahead of what is finished. */
export interface AheadLimits<Item> {
  /** The most items under way. */
  readonly most: number;
  /** What all items under way may take of some resource; an item that takes more goes alone. */
  readonly budget?: number;
  readonly costOf?: (item: Item) => number;
}

/**
 * Works on items in order, several at a time. The first failure of `work` begins no more items, and is thrown when those
 * under way are settled.
 */
export async function forEachAhead<Item>(
  items: Iterable<Item>,
  { most, budget = Number.POSITIVE_INFINITY, costOf = () => 0 }: AheadLimits<Item>,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  let used = 0;
  let failed = false;
  let failure: unknown;
  for (const item of items) {
    const cost = costOf(item);
    while (!failed && underWay.size > 0 && (underWay.size >= most || used + cost > budget)) {
      await Promise.race(underWay);
    }
    if (failed) break;
    used += cost;
    const running = work(item)
      .catch((error: unknown) => {
        if (!failed) failure = error;
        failed = true;
      })
      .finally(() => {
        used -= cost;
        underWay.delete(running);
      });
    underWay.add(running);
  }
  await Promise.all(underWay);
  if (failed) throw failure;
}

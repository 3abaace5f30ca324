/** Items of equal length go through a plan together. */

/**
 * The indices of all items, in groups of equal length of at most `most(length)`; groups are in the order of their first
 * items. Items without a length are alone.
 */
export function batchesOf(
  lengths: readonly (number | undefined)[],
  most: (length: number) => number,
): readonly (readonly number[])[] {
  const batches: number[][] = [];
  const open = new Map<number, number[]>();
  for (const [i, length] of lengths.entries()) {
    const batch = length === undefined ? undefined : open.get(length);
    if (batch && batch.length < most(length!)) {
      batch.push(i);
      continue;
    }
    const fresh = [i];
    batches.push(fresh);
    if (length !== undefined) open.set(length, fresh);
  }
  return batches;
}

/** Which items go through a plan together. */

/**
 * The indices of all items, in groups of equal length of at most `most(length)`; groups are in the order of their first
 * items. Items without a length or of length 0 are alone.
 */
export function batchesOfEqual(
  lengths: readonly (number | undefined)[],
  most: (length: number) => number,
): readonly (readonly number[])[] {
  const batches: number[][] = [];
  const open = new Map<number, number[]>();
  for (const [i, length] of lengths.entries()) {
    const batch = length ? open.get(length) : undefined;
    if (batch && batch.length < most(length!)) {
      batch.push(i);
      continue;
    }
    const fresh = [i];
    batches.push(fresh);
    if (length) open.set(length, fresh);
  }
  return batches;
}

/**
 * The indices of all items, in groups of any lengths that `joins` says may go together, in order; those that it does not
 * say so of, and items without a length, are alone. An item joins a group that `takes` it.
 */
export function batchesOf(
  lengths: readonly (number | undefined)[],
  joins: (length: number) => boolean,
  takes: (lengths: readonly number[], length: number) => boolean,
): readonly (readonly number[])[] {
  const batches: number[][] = [];
  let open: { readonly batch: number[]; readonly lengths: number[] } | undefined;
  for (const [i, length] of lengths.entries()) {
    if (length === undefined || !joins(length)) {
      batches.push([i]);
      continue;
    }
    if (!open || !takes(open.lengths, length)) {
      open = { batch: [], lengths: [] };
      batches.push(open.batch);
    }
    open.batch.push(i);
    open.lengths.push(length);
  }
  return batches;
}

import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { forEachAhead } from "../../lib/cli/ahead.js";

/** Notes what is under way at a time. */
function watched() {
  const underWay = new Set<number>();
  const seen: number[][] = [];
  const work = async (item: number) => {
    underWay.add(item);
    seen.push([...underWay]);
    for (let i = 0; i < item; i++) await setImmediate();
    underWay.delete(item);
  };
  return { seen, work };
}

describe("forEachAhead", () => {
  it("works on all items, no more than so many at a time", async () => {
    const { seen, work } = watched();
    await forEachAhead([3, 1, 2, 5, 4], { most: 2 }, work);
    assert.deepEqual(
      seen.map((items) => items.at(-1)),
      [3, 1, 2, 5, 4],
    );
    assert.equal(Math.max(...seen.map((items) => items.length)), 2);
  });

  it("keeps to the budget, and lets what is beyond it go alone", async () => {
    const { seen, work } = watched();
    await forEachAhead([3, 4, 20, 2, 1, 5], { most: 9, budget: 8, costOf: (item) => item }, work);
    assert.deepEqual(seen[1], [3, 4]);
    for (const items of seen) {
      const sum = items.reduce((total, item) => total + item, 0);
      assert.ok(items.length === 1 || sum <= 8, items.join());
    }
    assert.ok(seen.some((items) => items.length === 1 && items[0] === 20));
  });

  it("begins nothing after a failure, waits for the rest and throws the first one", async () => {
    const begun: number[] = [];
    let finished = 0;
    const work = async (item: number) => {
      begun.push(item);
      for (let i = 0; i < item; i++) await setImmediate();
      if (item < 3) throw new Error(`item ${item}`);
      finished++;
    };
    await assert.rejects(forEachAhead([9, 1, 2, 9, 9], { most: 3 }, work), /item 1/);
    assert.deepEqual(begun, [9, 1, 2]);
    assert.equal(finished, 1);
  });
});

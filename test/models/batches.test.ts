import assert from "node:assert/strict";
import fc from "fast-check";
import { batchesOf, batchesOfEqual } from "../../lib/models/batches.js";

describe("batches", () => {
  it("of equal lengths hold every item once, no more than allowed, and as few as possible", () => {
    const lengths = fc.array(fc.option(fc.nat(4), { nil: undefined }), { maxLength: 40 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 6 }), (lengths, most) => {
        const batches = batchesOfEqual(lengths, () => most);
        assert.deepEqual(
          batches.flat().sort((a, b) => a - b),
          lengths.map((_, i) => i),
        );
        for (const batch of batches) {
          assert(batch.length <= most);
          assert.equal(new Set(batch.map((i) => lengths[i])).size, 1);
          if (!lengths[batch[0]!]) assert.equal(batch.length, 1);
        }
        for (const length of new Set(lengths.filter((length) => length))) {
          const own = batches.filter((batch) => lengths[batch[0]!] === length);
          const items = lengths.filter((other) => other === length).length;
          assert.equal(own.length, Math.ceil(items / most));
        }
        const firsts = batches.map((batch) => batch[0]!);
        assert.deepEqual(
          firsts,
          [...firsts].sort((a, b) => a - b),
        );
      }),
    );
  });

  it("of any lengths hold every item once, in order, as long as they are taken", () => {
    const lengths = fc.array(fc.option(fc.nat(9), { nil: undefined }), { maxLength: 40 });
    const sumOf = (lengths: readonly number[]) => lengths.reduce((sum, length) => sum + length, 0);
    fc.assert(
      fc.property(lengths, fc.integer({ min: 7, max: 20 }), (lengths, most) => {
        const joins = (length: number) => length > 0 && length < 8;
        const batches = batchesOf(lengths, joins, (given, length) => sumOf(given) + length <= most);
        assert.deepEqual(
          batches.flat().sort((a, b) => a - b),
          lengths.map((_, i) => i),
        );
        for (const [i, batch] of batches.entries()) {
          if (!joins(lengths[batch[0]!] ?? 0)) {
            assert.equal(batch.length, 1);
            continue;
          }
          const own = batch.map((index) => lengths[index]!);
          assert(own.every(joins) && sumOf(own) <= most);
          const next = batches.slice(i + 1).find((other) => joins(lengths[other[0]!] ?? 0));
          if (next) assert(sumOf(own) + lengths[next[0]!]! > most);
        }
      }),
    );
  });
});

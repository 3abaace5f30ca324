import assert from "node:assert/strict";
import fc from "fast-check";
import { batchesOf } from "../../lib/models/batches.js";

describe("batches", () => {
  it("hold every item once, of one length, no more than allowed, and as few as possible", () => {
    const lengths = fc.array(fc.option(fc.nat(4), { nil: undefined }), { maxLength: 40 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 6 }), (lengths, most) => {
        const batches = batchesOf(lengths, () => most);
        assert.deepEqual(
          batches.flat().sort((a, b) => a - b),
          lengths.map((_, i) => i),
        );
        for (const batch of batches) {
          assert(batch.length <= most);
          assert.equal(new Set(batch.map((i) => lengths[i])).size, 1);
          if (lengths[batch[0]!] === undefined) assert.equal(batch.length, 1);
        }
        for (const length of new Set(lengths.filter((length) => length !== undefined))) {
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
});

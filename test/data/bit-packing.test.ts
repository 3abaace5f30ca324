import assert from "node:assert/strict";
import fc from "fast-check";
import { bitsFor, packCodes, packedBytes, unpackCodes } from "../../lib/data/bit-packing.js";

describe("bit packing", () => {
  it("counts the bits that tell codes apart", () => {
    const sizes = [1, 2, 3, 4, 5, 1000, 1024, 1025, 4096, 16384, 2 ** 30 + 1, 2 ** 31];
    assert.deepEqual(sizes.map(bitsFor), [0, 1, 2, 2, 3, 10, 10, 11, 12, 14, 31, 31]);
  });

  it("writes frame after frame, least significant bit first", () => {
    const packed = packCodes([Int32Array.of(0b101, 0b010), Int32Array.of(0b1100110, 0b0000001)], 2, [3, 7]);
    // 101, 1100110, 010, 0000001 from the lowest bit up: 0000 00101011 00110101
    assert.deepEqual([...packed], [0b00110101, 0b00101011, 0b0000]);
  });

  it("packs nothing into nothing", () => {
    assert.deepEqual([...packCodes([new Int32Array(0)], 0, [5])], []);
    assert.deepEqual(unpackCodes(new Uint8Array(0), 3, [0]), [new Int32Array(3)]);
  });

  it("gives back what was packed, for all widths", () => {
    const codebooks = fc.array(fc.integer({ min: 0, max: 31 }), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(codebooks, fc.nat(40), fc.infiniteStream(fc.nat(2 ** 31 - 1)), (widths, frames, numbers) => {
        const codes = widths.map((width) =>
          Int32Array.from({ length: frames }, () => numbers.next().value % 2 ** width),
        );
        const packed = packCodes(codes, frames, widths);
        assert.equal(packed.length, packedBytes(frames, widths));
        assert.deepEqual(unpackCodes(packed, frames, widths), codes);
      }),
    );
  });
});

import assert from "node:assert/strict";
import { type HalfDtype, narrow, widen } from "../../lib/data/half-precision.js";

describe("numbers of 16 bits", () => {
  const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
  const infinity: Record<HalfDtype, number> = { F16: 0x7c00, BF16: 0x7f80 };

  for (const dtype of ["F16", "BF16"] as const) {
    it(`${dtype}: come back from float32 as they were`, () => {
      const back = narrow(widen(all, dtype), dtype);
      for (const bits of all) {
        const isNan = (bits & 0x7fff) > infinity[dtype];
        if (isNan) assert((back[bits]! & 0x7fff) > infinity[dtype]);
        else assert.equal(back[bits], bits);
      }
    });

    it(`${dtype}: are the nearest, the even one of two`, () => {
      const positive = widen(all.subarray(0, infinity[dtype]), dtype);
      const between: number[] = [];
      const expected: number[] = [];
      for (let i = 0; i + 1 < positive.length; i++) {
        const [low, high] = [positive[i]!, positive[i + 1]!];
        const middle = (low + high) / 2;
        between.push(low + (middle - low) * 0.99, middle, -middle, middle + (high - middle) * 0.01);
        const even = i % 2 === 0 ? i : i + 1;
        expected.push(i, even, even | 0x8000, i + 1);
      }
      assert.deepEqual(narrow(Float32Array.from(between), dtype), Uint16Array.from(expected));
    });

    it(`${dtype}: what is too large is infinite`, () => {
      const { bits, largest } =
        dtype === "F16" ? { bits: 0x7bff, largest: 65504 } : { bits: 0x7f7f, largest: 3.3895313892515355e38 };
      assert.deepEqual(
        [...narrow(Float32Array.of(largest, Infinity, -Infinity), dtype)],
        [bits, infinity[dtype], infinity[dtype] | 0x8000],
      );
      if (dtype === "F16")
        assert.deepEqual([...narrow(Float32Array.of(65519.99, 65520, -3e38), dtype)], [0x7bff, 0x7c00, 0xfc00]);
      else assert.deepEqual([...narrow(Float32Array.of(3.4028234663852886e38), dtype)], [0x7f80]);
    });
  }
});

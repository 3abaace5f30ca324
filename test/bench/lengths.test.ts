import assert from "node:assert/strict";
import { measureLengths } from "../../bench/lengths.js";
import { Tokenizer } from "../../lib/models/tokenizer.js";

describe("the benchmark of lengths", () => {
  it("times clips of different lengths, in every way and direction", async () => {
    await using tokenizer = await Tokenizer.load("random:1:tiny", { device: "cpu" });
    const { encode, decode } = await measureLengths(tokenizer, 3, 2);
    for (const times of [...Object.values(encode), ...Object.values(decode)]) {
      assert.equal(times.length, 2);
      assert(times.every((milliseconds) => milliseconds > 0));
    }
  });
});

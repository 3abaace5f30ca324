import assert from "node:assert/strict";
import { editDistance } from "../../lib/eval/edit-distance.js";
import { characterErrorRate, wordErrorRate } from "../../lib/eval/error-rate.js";
import { normalizeText } from "../../lib/eval/normalize-text.js";

describe("edit distance", () => {
  it("counts insertions, deletions and replacements", () => {
    assert.equal(editDistance("kitten", "sitting"), 3);
    assert.equal(editDistance("", "abc"), 3);
    assert.equal(editDistance("abc", ""), 3);
    assert.equal(editDistance(["a", "b"], ["a", "b"]), 0);
  });
});

describe("normalising text", () => {
  for (const [text, expected] of [
    ["Hello,  World!", "hello world"],
    ["Don\u2019t stop \u2018now\u2019.", "don't stop now"],
    ["It costs 3.50, or 1,000?", "it costs 3.50 or 1,000"],
    ["Mr. Brown (the third) -- e.g. here...", "mr brown the third e g here"],
    ["\u00dcber \uff21\uff22 na\u00efve", "\u00fcber ab na\u00efve"],
    ["the dogs' bowl", "the dogs bowl"],
    [" \n", ""],
  ] as const) {
    it(`makes "${expected}" of ${JSON.stringify(text)}`, () => {
      assert.equal(normalizeText(text), expected);
      assert.equal(normalizeText(expected), expected, "and leaves that as it is");
    });
  }
});

describe("error rates", () => {
  it("are errors per word or character of the reference", () => {
    assert.equal(wordErrorRate("The cat sat.", "the cat sat"), 0);
    assert.equal(wordErrorRate("the cat sat on it", "a cat sat it"), 2 / 5);
    assert.equal(wordErrorRate("one", "one two three"), 2);
    assert.equal(wordErrorRate("one two", ""), 1);
    assert.equal(characterErrorRate("ab cd", "ab ed"), 1 / 5);
  });

  it("of lists weigh every word the same, and compare text with text", () => {
    assert.equal(wordErrorRate(["a b c d", "e"], ["a b c d", "f"]), 1 / 5);
    assert.equal(wordErrorRate(["a", "b c"], ["a b", "c"]), 2 / 3);
    assert.equal(wordErrorRate(["", "a"], ["x", "a"]), 1, "what is heard where nothing was said counts");
  });

  it("are refused where there is nothing to compare", () => {
    const code = "ERR_LMSPT_INVALID_ARGUMENT";
    assert.throws(() => wordErrorRate("...", "a"), { code, message: /at least one word/ });
    assert.throws(() => wordErrorRate(["a"], ["a", "b"]), { code, message: /1 texts, as many as references/ });
    assert.throws(() => characterErrorRate([3 as never], "a"), { code, message: /text or a list of texts/ });
  });
});

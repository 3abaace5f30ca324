import assert from "node:assert/strict";
import fc from "fast-check";
import { tokensFromJson, tokensToJson } from "../../lib/data/tokens-json.js";
import { anyTokens, isFormatError, makeTokens, SPEC } from "./support.js";

describe("tokens as JSON", () => {
  it("have exactly the documented fields", () => {
    const tokens = makeTokens(2, { ...SPEC, acousticCodebooks: 1 }, 1, 5);
    assert.deepEqual(tokensToJson(tokens), {
      codes: [[...tokens.semantic[0]!], [...tokens.acoustic[0]!]],
      frameRate: 12.5,
      sampleRate: 24000,
      samples: 2 * 1920 - 5,
      model: SPEC.model,
      semanticCodebooks: 1,
      semanticCodebookSize: 16384,
      acousticCodebookSize: 4096,
    });
  });

  it("read back as they were, from text and from a value", () => {
    fc.assert(
      fc.property(anyTokens, (tokens) => {
        const json = tokensToJson(tokens);
        assert.deepEqual(tokensFromJson(JSON.stringify(json)), tokens);
        assert.deepEqual(tokensFromJson(json), tokens);
      }),
    );
  });

  it("may lack the codebook fields when the model's spec is given", () => {
    const tokens = makeTokens(3);
    const { codes, frameRate, sampleRate, samples, model } = tokensToJson(tokens);
    const bare = { codes, frameRate, sampleRate, samples, model };
    assert.deepEqual(tokensFromJson(bare, SPEC), tokens);
    assert.throws(() => tokensFromJson(bare), isFormatError(/semanticCodebooks to be a number but found nothing/));
    assert.throws(() => tokensFromJson({ ...bare, model: undefined }, SPEC), isFormatError(/model/));
  });

  const json = tokensToJson(makeTokens(3));
  const codesWith = (code: unknown) => json.codes.map((row, k) => (k === 2 ? [row[0], code, row[2]] : row));
  const wrong: [string, unknown, RegExp][] = [
    ["a list", [json], /a JSON object/],
    ["null", null, /a JSON object/],
    ["no codes", { ...json, codes: undefined }, /list of lists/],
    ["flat codes", { ...json, codes: [1, 2] }, /list of lists/],
    ["a broken code", { ...json, codes: codesWith(1.5) }, /codes\[2\]\[1\] .* 1.5/],
    ["a code as text", { ...json, codes: codesWith("1") }, /codes\[2\]\[1\]/],
    ["a huge code", { ...json, codes: codesWith(2 ** 32) }, /codes\[2\]\[1\]/],
    ["a nested code", { ...json, codes: codesWith([[]]) }, /codes\[2\]\[1\] .* a list/],
    ["a code beyond its codebook", { ...json, codes: codesWith(4096) }, /acoustic\[1\]\[1\] .* 4096/],
    ["a missing length", { ...json, samples: undefined }, /samples to be a number but found nothing/],
    ["a wrong length", { ...json, samples: 1 }, /1 samples fill/],
    ["too many semantic codebooks", { ...json, semanticCodebooks: 9 }, /0 to 8/],
    ["a rate as text", { ...json, frameRate: "12.5" }, /frameRate to be a number/],
    ["a number as model", { ...json, model: 5 }, /model/],
  ];
  for (const [what, value, message] of wrong) {
    it(`are refused with ${what}`, () => assert.throws(() => tokensFromJson(value), isFormatError(message)));
  }

  it("are refused where the text is not JSON, with the place", () => {
    const text = JSON.stringify(json);
    assert.throws(() => tokensFromJson(text.slice(0, 40)), isFormatError(/not JSON/));
    assert.throws(() => tokensFromJson(`{"é": 1, ${text}`), isFormatError(/not JSON/, 10));
    assert.throws(() => tokensFromJson("[".repeat(100_000)), isFormatError());
  });

  it("are refused, not followed, when they nest deeply", () => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    assert.throws(
      () => tokensFromJson(`{"codes": [[${deep}]], "semanticCodebooks": ${deep}}`),
      isFormatError(/a list/),
    );
    assert.throws(() => tokensFromJson(`{"codes": [[1]], "semanticCodebooks": ${deep}}`), isFormatError(/a list/));
  });

  it("cannot set a prototype", () => {
    const text = JSON.stringify(json).replace("{", '{"__proto__": {"polluted": 1},');
    assert.equal("polluted" in tokensFromJson(text), false);
    assert.equal("polluted" in {}, false);
  });
});

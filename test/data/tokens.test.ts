import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bitrate,
  concatTokens,
  createTokens,
  samplesPerFrame,
  sliceTokens,
  type Tokens,
  tokenCodes,
  validateTokens,
} from "../../lib/data/tokens.js";
import { anyTokens, hasCode, makeTokens, SPEC } from "./support.js";

const INVALID = "ERR_LMSPT_INVALID_ARGUMENT";

describe("Tokens", () => {
  it("are frozen plain data that survive a structured clone", () => {
    const tokens = makeTokens(4);
    assert.ok(Object.isFrozen(tokens) && Object.isFrozen(tokens.semantic) && Object.isFrozen(tokens.acoustic));
    assert.equal(tokens.frames, 4);
    assert.deepEqual(structuredClone(tokens), tokens);
  });

  it("give all codebooks in order, semantic first", () => {
    const tokens = makeTokens(3);
    assert.equal(tokenCodes(tokens).length, 8);
    assert.equal(tokenCodes(tokens)[0], tokens.semantic[0]);
    assert.equal(tokenCodes(tokens)[7], tokens.acoustic[6]);
  });

  it("state their bitrate", () => {
    assert.equal(bitrate(makeTokens(1)), (14 + 7 * 12) * 12.5);
    assert.equal(bitrate(makeTokens(1, { ...SPEC, semanticCodebookSize: 1, acousticCodebookSize: 1000 })), 70 * 12.5);
  });

  const good = makeTokens(3, SPEC, 1, 100);
  const codes = (...values: number[]) => [Int32Array.from(values)];
  const wrong: [string, object, RegExp][] = [
    ["a code below zero", { semantic: codes(0, -1, 0) }, /from 0 to 16383 for tokens.semantic\[0\]\[1\] .* -1/],
    ["a code beyond its codebook", { semantic: codes(0, 0, 16384) }, /tokens.semantic\[0\]\[2\] .* 16384/],
    [
      "arrays of different length",
      { acoustic: [...good.acoustic.slice(1), new Int32Array(2)] },
      /acoustic\[6\].length/,
    ],
    ["frames that contradict the samples", { samples: 3 * 1920 + 1 }, /4, the frames that 5761 samples fill/],
    ["a whole frame too many", { samples: 2 * 1920 }, /2, the frames/],
    ["samples that are no whole number", { samples: 1.5 }, /tokens.samples/],
    ["negative samples", { samples: -1 }, /tokens.samples/],
    ["no codebook", { semantic: [], acoustic: [] }, /number of codebooks/],
    ["something else than Int32Array", { semantic: [[1, 2, 3]] }, /an Int32Array for tokens.semantic\[0\]/],
    ["no list of codebooks", { semantic: new Int32Array(3) }, /tokens.semantic/],
    ["an empty codebook", { semanticCodebookSize: 0 }, /semanticCodebookSize/],
    ["a codebook that Int32 cannot index", { acousticCodebookSize: 2 ** 31 + 1 }, /acousticCodebookSize/],
    ["a sample rate of zero", { sampleRate: 0 }, /sampleRate/],
    ["frames of broken length", { frameRate: 13 }, /24000 Hz divided by a whole number .* 13/],
    ["a frame rate of zero", { frameRate: 0 }, /frameRate/],
    ["a frame rate that is no number", { frameRate: "12.5" }, /frameRate/],
    ["no model", { model: "" }, /tokens.model/],
    ["a model's name with a line break", { model: "a\nb" }, /tokens.model/],
  ];
  for (const [what, change, message] of wrong) {
    it(`are refused with ${what}`, () => {
      assert.throws(() => createTokens({ ...good, ...change } as Tokens), hasCode(INVALID, message));
    });
  }

  it("are refused when they are not an object or lie about their frames", () => {
    assert.throws(() => validateTokens(null as unknown as Tokens), hasCode(INVALID));
    assert.throws(() => validateTokens({ ...good, frames: 4 }), hasCode(INVALID, /tokens.frames/));
    validateTokens({ ...good });
  });

  it("may lack one kind of codebook, whose size may then be 0", () => {
    validateTokens(createTokens({ ...good, acoustic: [], acousticCodebookSize: 0 }));
  });

  it("may be empty", () => {
    assert.equal(makeTokens(0).frames, 0);
    assert.equal(makeTokens(0).samples, 0);
  });
});

describe("sliceTokens and concatTokens", () => {
  it("keep the true length", () => {
    const tokens = makeTokens(5, SPEC, 1, 100);
    assert.equal(sliceTokens(tokens, 0, 2).samples, 2 * 1920);
    assert.equal(sliceTokens(tokens, 3, 5).samples, 2 * 1920 - 100);
    assert.equal(sliceTokens(tokens, 5, 5).samples, 0);
    assert.equal(concatTokens([tokens, makeTokens(0), tokens]).samples, 10 * 1920 - 100);
    assert.equal(concatTokens([tokens, makeTokens(0)]).samples, 5 * 1920 - 100);
  });

  it("copy", () => {
    const tokens = makeTokens(5);
    const slice = sliceTokens(tokens, 1, 3);
    slice.semantic[0]![0] = 77;
    assert.notEqual(tokens.semantic[0]![1], 77);
  });

  it("are inverse to each other, and their results are valid", () => {
    fc.assert(
      fc.property(anyTokens, fc.nat(), fc.nat(), (tokens, a, b) => {
        const [first, second] = [a % (tokens.frames + 1), b % (tokens.frames + 1)].sort((x, y) => x - y) as [
          number,
          number,
        ];
        const bounds = [0, first, second, tokens.frames];
        const pieces = [0, 1, 2].map((i) => sliceTokens(tokens, bounds[i]!, bounds[i + 1]!));
        for (const piece of pieces) validateTokens(piece);
        const whole = concatTokens(pieces);
        validateTokens(whole);
        assert.deepEqual(whole, tokens);
        assert.equal(
          pieces.reduce((sum, piece) => sum + piece.samples, 0),
          tokens.samples,
        );
        assert.equal(tokens.sampleRate / samplesPerFrame(tokens), tokens.frameRate);
      }),
    );
  });

  it("refuse ranges outside the tokens and pieces that do not fit", () => {
    const tokens = makeTokens(3);
    for (const [start, end] of [
      [-1, 2],
      [2, 1],
      [0, 4],
      [0.5, 2],
      [Number.NaN, 2],
    ]) {
      assert.throws(() => sliceTokens(tokens, start!, end!), hasCode(INVALID, /Frame/));
    }
    assert.throws(() => concatTokens([]), hasCode(INVALID, /at least one piece/));
    const other = makeTokens(3, { ...SPEC, model: "another" });
    assert.throws(() => concatTokens([tokens, other]), hasCode(INVALID, /for model .* "another"/));
  });
});

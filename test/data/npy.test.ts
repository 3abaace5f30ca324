import assert from "node:assert/strict";
import fc from "fast-check";
import { tokensFromNpy, tokensToNpy } from "../../lib/data/npy.js";
import { createTokens, tokenSpec } from "../../lib/data/tokens.js";
import {
  anyTokens,
  fixture,
  hasCode,
  isFormatError,
  mutate,
  randomNumbers,
  requireCleanOutcome,
  SPEC,
} from "./support.js";

/** What make.py writes. */
const FIXTURE_SPEC = { ...SPEC, acousticCodebooks: 2 };
const FIXTURE = createTokens({
  ...FIXTURE_SPEC,
  semantic: [Int32Array.of(0, 1, 2, 3, 16383)],
  acoustic: [Int32Array.of(7, 0, 4095, 5, 6), Int32Array.of(9, 8, 7, 6, 1000)],
  samples: 5 * 1920,
});

describe("token codes as NPY", () => {
  it("are written byte for byte as NumPy writes them", () => {
    assert.deepEqual(Buffer.from(tokensToNpy(FIXTURE)), Buffer.from(fixture("v1-int64.npy")));
  });

  for (const name of ["v1-int64.npy", "v2-int32.npy", "v3-int16-fortran.npy", "v1-int64-big-endian.npy"]) {
    it(`are read from NumPy's ${name}`, () => assert.deepEqual(tokensFromNpy(fixture(name), FIXTURE_SPEC), FIXTURE));
  }

  it("align their data to 64 bytes and read back as they were", () => {
    fc.assert(
      fc.property(anyTokens, (tokens) => {
        const bytes = tokensToNpy(tokens);
        const codebooks = tokens.semantic.length + tokens.acoustic.length;
        assert.equal((bytes.length - codebooks * tokens.frames * 8) % 64, 0);
        assert.deepEqual(tokensFromNpy(bytes, { ...tokenSpec(tokens), samples: tokens.samples }), tokens);
      }),
    );
  });

  it("can be read from anywhere within a buffer", () => {
    const shifted = Buffer.concat([Buffer.alloc(3), fixture("v1-int64.npy")]).subarray(3);
    assert.deepEqual(tokensFromNpy(shifted, FIXTURE_SPEC), FIXTURE);
  });

  it("are refused as floating point, with what to do", () => {
    const read = () => tokensFromNpy(fixture("v1-float32.npy"), FIXTURE_SPEC);
    assert.throws(read, hasCode("ERR_LMSPT_UNSUPPORTED", /int64, not from '<f4'; convert/));
  });

  it("are refused where they do not fit the spec", () => {
    const bytes = fixture("v1-int64.npy");
    assert.throws(() => tokensFromNpy(bytes, SPEC), isFormatError(/shape \(8, frames\) but found \(3, 5\)/));
    const small = { ...FIXTURE_SPEC, acousticCodebookSize: 4095 };
    assert.throws(() => tokensFromNpy(bytes, small), isFormatError(/0 to 4094 for codebook 1, frame 2/, 128 + 7 * 8));
    const long = { ...FIXTURE_SPEC, samples: 10_000 };
    assert.throws(() => tokensFromNpy(bytes, long), hasCode("ERR_LMSPT_INVALID_ARGUMENT", /10000 samples/));
  });

  it("are refused where a 64-bit number does not fit a code", () => {
    const bytes = Buffer.from(fixture("v1-int64.npy"));
    bytes.writeUInt32LE(1, 128 + 4);
    assert.throws(() => tokensFromNpy(bytes, FIXTURE_SPEC), isFormatError(/codebook 0, frame 0/, 128));
  });

  const edited = (from: string, to: string) =>
    Buffer.from(Buffer.from(fixture("v1-int64.npy")).toString("latin1").replace(from, to), "latin1");
  const wrong: [string, Uint8Array, RegExp, number][] = [
    ["nothing", new Uint8Array(0), /Not an NPY file/, 0],
    ["a foreign file", Buffer.from("RIFF1234WAVE"), /Not an NPY file/, 0],
    ["an unknown version", edited("NUMPY\x01", "NUMPY\x04"), /version 1, 2 or 3 but found 4/, 6],
    ["a header longer than the file", edited("\x01\0v\0", "\x01\0\xff\xff"), /more than the file has/, 8],
    ["missing data", fixture("v1-int64.npy").subarray(0, 240), /promises 120 bytes of data, but 112 follow/, 128],
    ["a shape of many dimensions", edited("(3, 5),", "(3,5,1)"), /found \(3, 5, 1\)/, 10],
    ["a huge shape", edited("(3, 5), }", "(3, 9999999999)}"), /promises/, 128],
    ["no type", edited("'descr'", "'decsr'"), /no valid 'descr'/, 10],
  ];
  for (const [what, bytes, message, offset] of wrong) {
    it(`are refused with ${what}`, () =>
      assert.throws(() => tokensFromNpy(bytes, FIXTURE_SPEC), isFormatError(message, offset)));
  }

  it("survive 1000 mutations with a result or a typed error", async () => {
    const random = randomNumbers(3);
    let refused = 0;
    for (let i = 0; i < 1000; i++) {
      const bytes = mutate(fixture(i % 2 ? "v1-int64.npy" : "v3-int16-fortran.npy"), random);
      if (!(await requireCleanOutcome(() => tokensFromNpy(bytes, FIXTURE_SPEC), `mutation ${i}`))) refused++;
    }
    assert.ok(refused > 500);
  });
});

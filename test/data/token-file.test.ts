import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { decodeTokenFile, encodeTokenFile } from "../../lib/data/token-file.js";
import { concatTokens, createTokens, sliceTokens, type Tokens, tokenSpec } from "../../lib/data/tokens.js";
import { anyTokens, fixturePath, hasCode, isFormatError, makeTokens, SPEC } from "./support.js";

const HEADER_BYTES = 44 + SPEC.model.length + 4;
const BYTES_OF_10_FRAMES = 20 + Math.ceil((10 * 98) / 8) + 4;

/** 35 frames in chunks of 10, 10, 10 and 5. */
const TOKENS = makeTokens(35, SPEC, 1, 500);
const FILE = Buffer.from(encodeTokenFile(TOKENS, { chunkFrames: 10 }));
const chunkOffset = (chunk: number) => HEADER_BYTES + chunk * BYTES_OF_10_FRAMES;

function withFlippedByte(...offsets: number[]): Buffer {
  const bytes = Buffer.from(FILE);
  for (const offset of offsets) bytes[offset]! ^= 0x10;
  return bytes;
}

function framesOf(pieces: readonly { startFrame: number; tokens: Tokens }[]): [number, number][] {
  return pieces.map(({ startFrame, tokens }) => [startFrame, startFrame + tokens.frames]);
}

describe("a token file in memory", () => {
  it("is exactly the example of docs/token-file.md", () => {
    const document = readFileSync(join(fixturePath("."), "../../../docs/token-file.md"), "utf8");
    const dump = /```\n((?:[0-9A-F]{2}[ \n])+)```/.exec(document)![1]!;
    const tokens = createTokens({
      semantic: [Int32Array.of(4, 3, 2, 1, 0)],
      acoustic: [Int32Array.of(1, 0, 1, 0, 1)],
      frameRate: 12.5,
      sampleRate: 24000,
      samples: 9000,
      semanticCodebookSize: 5,
      acousticCodebookSize: 2,
      model: "m",
    });
    const bytes = Buffer.from(dump.replace(/\s/g, ""), "hex");
    assert.deepEqual(Buffer.from(encodeTokenFile(tokens, { chunkFrames: 4 })), bytes);
    assert.deepEqual(decodeTokenFile(bytes), tokens);
  });

  it("gives back any tokens, in chunks of any size", () => {
    fc.assert(
      fc.property(anyTokens, fc.oneof(fc.integer({ min: 1, max: 400 }), fc.constant(65536)), (tokens, chunkFrames) => {
        const bytes = encodeTokenFile(tokens, { chunkFrames });
        assert.deepEqual(decodeTokenFile(bytes), tokens);
        const recovered = decodeTokenFile(bytes, { recover: true });
        assert.deepEqual([recovered.complete, recovered.damaged, recovered.spec], [true, [], tokenSpec(tokens)]);
        if (tokens.frames > 0) assert.deepEqual(concatTokens(recovered.chunks.map((chunk) => chunk.tokens)), tokens);
      }),
    );
  });

  it("is small: bits of the codes, 24 bytes a chunk and the frame", () => {
    const tokens = makeTokens(256);
    assert.equal(encodeTokenFile(tokens).length, HEADER_BYTES + 24 + (256 * 98) / 8 + 24);
  });

  it("can be read from anywhere within a buffer", () => {
    const shifted = Buffer.concat([Buffer.alloc(5), FILE, Buffer.alloc(3)]);
    assert.deepEqual(decodeTokenFile(shifted.subarray(5, 5 + FILE.length)), TOKENS);
  });

  it("refuses chunk sizes out of range and tokens that are not valid", () => {
    for (const chunkFrames of [0, 65537, 1.5]) {
      assert.throws(
        () => encodeTokenFile(TOKENS, { chunkFrames }),
        hasCode("ERR_LMSPT_INVALID_ARGUMENT", /chunkFrames/),
      );
    }
    assert.throws(() => encodeTokenFile({ ...TOKENS, samples: 1 }), hasCode("ERR_LMSPT_INVALID_ARGUMENT"));
    assert.throws(() => decodeTokenFile([] as unknown as Uint8Array), hasCode("ERR_LMSPT_INVALID_ARGUMENT"));
  });
});

describe("a damaged token file", () => {
  it("is refused at any single flipped byte", () => {
    for (let offset = 0; offset < FILE.length; offset++) {
      assert.throws(
        () => decodeTokenFile(withFlippedByte(offset)),
        offset === 8 || offset === 9 ? hasCode("ERR_LMSPT_UNSUPPORTED") : isFormatError(),
      );
    }
  });

  it("is refused at any length but its own", () => {
    for (let length = 0; length < FILE.length; length++) {
      assert.throws(() => decodeTokenFile(FILE.subarray(0, length)), isFormatError());
    }
    assert.throws(() => decodeTokenFile(Buffer.concat([FILE, Buffer.from([0])])), isFormatError(/no index/));
  });

  it("is refused with the offset of the damage", () => {
    const at = (offset: number) => () => decodeTokenFile(withFlippedByte(offset));
    assert.throws(at(0), isFormatError(/Not a token file: .* found 994c4d53/, 0));
    assert.throws(at(20), isFormatError(/header is damaged/, 0));
    assert.throws(at(chunkOffset(2) + 50), isFormatError(/frames 20 to 30 .* checksum/, chunkOffset(2)));
    assert.throws(at(chunkOffset(1) + 9), isFormatError(/frames 10 to 20 is damaged/, chunkOffset(1)));
    assert.throws(at(FILE.length - 20), isFormatError(/index is damaged/, FILE.length - 36));
    assert.throws(() => decodeTokenFile(Buffer.from("RIFF")), isFormatError(/found 52494646/, 0));
    assert.throws(() => decodeTokenFile(Buffer.alloc(0)), isFormatError(/found an empty file/, 0));
  });

  it("of a newer version is not supported, which is said", () => {
    const bytes = Buffer.from(FILE);
    bytes.writeUInt16LE(2, 8);
    assert.throws(() => decodeTokenFile(bytes), hasCode("ERR_LMSPT_UNSUPPORTED", /version 2, .* update/));
  });

  it("gives its intact chunks and names the frames that are lost", () => {
    const recovered = decodeTokenFile(withFlippedByte(chunkOffset(1) + 60), { recover: true });
    assert.deepEqual(framesOf(recovered.chunks), [
      [0, 10],
      [20, 30],
      [30, 35],
    ]);
    assert.deepEqual(recovered.damaged, [{ startFrame: 10, endFrame: 20 }]);
    assert.equal(recovered.frames, 35);
    assert.equal(recovered.complete, false);
    for (const { startFrame, tokens } of recovered.chunks) {
      assert.deepEqual(tokens, sliceTokens(TOKENS, startFrame, startFrame + tokens.frames));
    }
  });

  it("finds the next chunk where a chunk's header is damaged", () => {
    for (const inHeader of [0, 4, 8, 16]) {
      const recovered = decodeTokenFile(withFlippedByte(chunkOffset(0) + inHeader, chunkOffset(2)), { recover: true });
      assert.deepEqual(framesOf(recovered.chunks), [
        [10, 20],
        [30, 35],
      ]);
      assert.deepEqual(recovered.damaged, [
        { startFrame: 0, endFrame: 10 },
        { startFrame: 20, endFrame: 30 },
      ]);
    }
  });

  it("gives all its chunks when only the index is damaged", () => {
    const recovered = decodeTokenFile(withFlippedByte(FILE.length - 20), { recover: true });
    assert.deepEqual([recovered.chunks.length, recovered.damaged, recovered.complete], [4, [], false]);
  });

  it("names the frames behind its end when it was cut off", () => {
    for (const length of [
      chunkOffset(2),
      chunkOffset(2) + 1,
      chunkOffset(2) + 19,
      chunkOffset(2) + 30,
      chunkOffset(3) - 1,
    ]) {
      const recovered = decodeTokenFile(FILE.subarray(0, length), { recover: true });
      assert.deepEqual(framesOf(recovered.chunks), [
        [0, 10],
        [10, 20],
      ]);
      assert.deepEqual(recovered.damaged, [{ startFrame: 20, endFrame: 35 }]);
    }
  });

  it("gives intact chunks around bytes that were inserted or removed", () => {
    const inserted = Buffer.concat([
      FILE.subarray(0, chunkOffset(1)),
      Buffer.alloc(200_000, "LSP"),
      FILE.subarray(chunkOffset(1)),
    ]);
    assert.equal(decodeTokenFile(inserted, { recover: true }).chunks.length, 4);
    const removed = Buffer.concat([FILE.subarray(0, chunkOffset(0) + 7), FILE.subarray(chunkOffset(0) + 12)]);
    assert.deepEqual(framesOf(decodeTokenFile(removed, { recover: true }).chunks), [
      [10, 20],
      [20, 30],
      [30, 35],
    ]);
  });

  it("counts a chunk that stands there twice only once", () => {
    const chunk = FILE.subarray(chunkOffset(1), chunkOffset(2));
    const doubled = Buffer.concat([FILE.subarray(0, chunkOffset(3)), chunk, FILE.subarray(chunkOffset(3))]);
    const recovered = decodeTokenFile(doubled, { recover: true });
    assert.deepEqual(framesOf(recovered.chunks), [
      [0, 10],
      [10, 20],
      [20, 30],
      [30, 35],
    ]);
    assert.equal(recovered.complete, false);
  });

  it("cannot be recovered without its header", () => {
    assert.throws(() => decodeTokenFile(withFlippedByte(30), { recover: true }), isFormatError(/header/, 0));
  });
});

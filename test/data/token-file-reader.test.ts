import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { encodeTokenFile } from "../../lib/data/token-file.js";
import { TokenFileReader } from "../../lib/data/token-file-reader.js";
import { concatTokens, sliceTokens, type Tokens, tokenSpec } from "../../lib/data/tokens.js";
import { anyTokens, hasCode, isFormatError, makeTokens, SPEC, useTemporaryFolder } from "./support.js";

const CHUNK_OF_10_BYTES = 20 + Math.ceil((10 * 98) / 8) + 4;
const HEADER_BYTES = 48 + SPEC.model.length;

describe("TokenFileReader", () => {
  const inFolder = useTemporaryFolder();

  function write(tokens: Tokens, chunkFrames: number, damagedByte?: number): string {
    const bytes = encodeTokenFile(tokens, { chunkFrames });
    if (damagedByte !== undefined) bytes[damagedByte]! ^= 1;
    writeFileSync(inFolder("a"), bytes);
    return inFolder("a");
  }

  it("reads any range as sliceTokens cuts it from the whole", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyTokens,
        fc.integer({ min: 1, max: 70 }),
        fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 5, maxLength: 20 }),
        fc.boolean(),
        async (tokens, chunkFrames, seeks, recover) => {
          const reader = await TokenFileReader.open(write(tokens, chunkFrames), { recover });
          try {
            const { spec, frames, samples, damaged, complete } = reader;
            assert.deepEqual([spec, frames, samples], [tokenSpec(tokens), tokens.frames, tokens.samples]);
            assert.deepEqual([damaged, complete], [[], true]);
            for (const seek of seeks) {
              const [start, end] = seek.map((at) => at % (frames + 1)).sort((a, b) => a - b) as [number, number];
              assert.deepEqual(await reader.read(start, end), sliceTokens(tokens, start, end));
            }
          } finally {
            await reader.close();
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("iterates over the chunks in order", async () => {
    const tokens = makeTokens(35, SPEC, 1, 9);
    const reader = await TokenFileReader.open(write(tokens, 10));
    const starts: number[] = [];
    const pieces: Tokens[] = [];
    for await (const chunk of reader) {
      starts.push(chunk.startFrame);
      pieces.push(chunk.tokens);
    }
    await reader.close();
    assert.deepEqual(starts, [0, 10, 20, 30]);
    assert.deepEqual(concatTokens(pieces), tokens);
  });

  it("reads around damage that it was not told to expect", async () => {
    const tokens = makeTokens(35);
    const reader = await TokenFileReader.open(write(tokens, 10, HEADER_BYTES + CHUNK_OF_10_BYTES + 40));
    assert.deepEqual(await reader.read(20, 35), sliceTokens(tokens, 20, 35));
    await assert.rejects(reader.read(5, 25), isFormatError(/frames 10 to 20/, HEADER_BYTES + CHUNK_OF_10_BYTES));
    await reader.close();
  });

  it("recovers what is intact and names what is not", async () => {
    const tokens = makeTokens(35);
    const path = write(tokens, 10, HEADER_BYTES + CHUNK_OF_10_BYTES);
    const reader = await TokenFileReader.open(path, { recover: true });
    assert.deepEqual([reader.frames, reader.complete, reader.damaged], [35, false, [{ startFrame: 10, endFrame: 20 }]]);
    assert.deepEqual(await reader.read(20, 35), sliceTokens(tokens, 20, 35));
    assert.equal((await reader.read(15, 15)).frames, 0);
    await assert.rejects(reader.read(9, 11), isFormatError(/Frames 10 to 20 .* damaged/));
    const starts: number[] = [];
    for await (const { startFrame } of reader) starts.push(startFrame);
    assert.deepEqual(starts, [0, 20, 30]);
    await reader.close();
  });

  it("refuses ranges outside the file", async () => {
    const reader = await TokenFileReader.open(write(makeTokens(5), 10));
    for (const [start, end] of [
      [0, 6],
      [-1, 2],
      [3, 2],
      [0.5, 1],
    ]) {
      await assert.rejects(reader.read(start!, end!), hasCode("ERR_LMSPT_INVALID_ARGUMENT"));
    }
    await reader.close();
  });

  it("refuses reading after it was closed, which may be done twice", async () => {
    const reader = await TokenFileReader.open(write(makeTokens(5), 10));
    await reader.close();
    await reader[Symbol.asyncDispose]();
    await assert.rejects(reader.read(0, 1), hasCode("ERR_LMSPT_CLOSED"));
    await assert.rejects(reader[Symbol.asyncIterator]().next(), hasCode("ERR_LMSPT_CLOSED"));
  });

  it("reports what the system refuses", async () => {
    mkdirSync(inFolder("folder"));
    await assert.rejects(TokenFileReader.open(inFolder("none")), hasCode("ERR_LMSPT_IO", /Cannot read .*none/));
    await assert.rejects(TokenFileReader.open(inFolder("folder")), hasCode("ERR_LMSPT_IO", /Cannot read .*folder/));
  });

  it("stops when its signal says so", async () => {
    const path = write(makeTokens(500), 10);
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await assert.rejects(TokenFileReader.open(path, { recover: true, signal }), (error) => error === reason);
    const reader = await TokenFileReader.open(path);
    await assert.rejects(reader.read(0, 500, { signal }), (error) => error === reason);
    await reader.close();
  });
});

import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import fc from "fast-check";
import { decodeTokenFile, encodeTokenFile } from "../../lib/data/token-file.js";
import { TokenFileWriter } from "../../lib/data/token-file-writer.js";
import { concatTokens, sliceTokens, type Tokens, tokenSpec } from "../../lib/data/tokens.js";
import { anyTokens, hasCode, isFormatError, makeTokens, SPEC, useTemporaryFolder } from "./support.js";

describe("TokenFileWriter", () => {
  const inFolder = useTemporaryFolder();
  const files = () => readdirSync(dirname(inFolder("x")));
  const read = (name: string) => new Uint8Array(readFileSync(inFolder(name)));
  const encode = (tokens: Tokens, chunkFrames: number) => new Uint8Array(encodeTokenFile(tokens, { chunkFrames }));

  it("writes from pieces of any size what encodeTokenFile writes from the whole", async () => {
    const chunkSize = fc.integer({ min: 1, max: 70 });
    await fc.assert(
      fc.asyncProperty(anyTokens, chunkSize, fc.array(chunkSize), async (tokens, chunkFrames, pieces) => {
        const writer = await TokenFileWriter.create(inFolder("a"), tokenSpec(tokens), { chunkFrames });
        let start = 0;
        for (const frames of [...pieces, tokens.frames]) {
          const end = Math.min(tokens.frames, start + frames);
          await writer.append(sliceTokens(tokens, start, end));
          start = end;
        }
        assert.equal(writer.frames, tokens.frames);
        await writer.close();
        assert.deepEqual(read("a"), encode(tokens, chunkFrames));
      }),
      { numRuns: 60 },
    );
  });

  it("continues a file as if it had never been closed", async () => {
    const size = fc.integer({ min: 1, max: 50 });
    await fc.assert(
      fc.asyncProperty(fc.nat(60), fc.nat(60), fc.nat(1919), size, async (before, after, missing, chunkFrames) => {
        const first = makeTokens(before, SPEC, 1, before === 0 ? 0 : missing);
        const second = makeTokens(after, SPEC, 2, after === 0 ? 0 : missing);
        writeFileSync(inFolder("a"), encode(first, chunkFrames));
        const writer = await TokenFileWriter.appendTo(inFolder("a"));
        assert.equal(writer.frames, before);
        await writer.append(second);
        assert.deepEqual(read("a"), encode(first, chunkFrames), "the old file stays until close");
        await writer.close();
        assert.deepEqual(read("a"), encode(concatTokens([first, second]), chunkFrames));
      }),
      { numRuns: 60 },
    );
  });

  it("carries calls out in their order, awaited or not", async () => {
    const tokens = makeTokens(97);
    const writer = await TokenFileWriter.create(inFolder("a"), SPEC, { chunkFrames: 10 });
    const calls = [0, 1, 2, 3, 4, 5, 6].map((i) =>
      writer.append(sliceTokens(tokens, i * 15, Math.min(97, i * 15 + 15))),
    );
    await Promise.all([...calls, writer.close()]);
    assert.deepEqual(read("a"), encode(tokens, 10));
  });

  it("takes the true length on closing, and keeps the file open when it is wrong", async () => {
    const writer = await TokenFileWriter.create(inFolder("a"), SPEC);
    await writer.append(makeTokens(3));
    for (const samples of [2 * 1920, 3 * 1920 + 1, 0.5]) {
      await assert.rejects(
        writer.close({ samples }),
        hasCode("ERR_LMSPT_INVALID_ARGUMENT", /3841 to 5760 for samples/),
      );
    }
    await writer.close({ samples: 3 * 1920 - 7 });
    assert.equal(decodeTokenFile(read("a")).samples, 3 * 1920 - 7);
    const empty = await TokenFileWriter.create(inFolder("b"), SPEC);
    await assert.rejects(empty.close({ samples: -1 }), hasCode("ERR_LMSPT_INVALID_ARGUMENT"));
    await empty.close({ samples: 0 });
    assert.equal(decodeTokenFile(read("b")).frames, 0);
  });

  it("shows nothing under the file's name before close, and nothing at all after abort", async () => {
    const writer = await TokenFileWriter.create(inFolder("a"), SPEC);
    await writer.append(makeTokens(300));
    assert.equal(files().includes("a"), false);
    assert.equal(files().length, 1);
    await writer.abort();
    await writer.abort();
    assert.deepEqual(files(), []);
    await assert.rejects(writer.append(makeTokens(1)), hasCode("ERR_LMSPT_CLOSED"));
    await assert.rejects(writer.close(), hasCode("ERR_LMSPT_CLOSED"));
  });

  it("leaves the old file alone on abort, and the new one on abort after close", async () => {
    writeFileSync(inFolder("a"), "old");
    const aborted = await TokenFileWriter.create(inFolder("a"), SPEC);
    await aborted[Symbol.asyncDispose]();
    assert.deepEqual([files(), readFileSync(inFolder("a"), "utf8")], [["a"], "old"]);
    const closed = await TokenFileWriter.create(inFolder("a"), SPEC);
    await closed.close();
    await closed[Symbol.asyncDispose]();
    assert.deepEqual([files(), decodeTokenFile(read("a")).frames], [["a"], 0]);
  });

  it("leaves intact chunks behind when the program dies, which can be read and continued", async () => {
    const tokens = makeTokens(45);
    const writer = await TokenFileWriter.create(inFolder("a"), SPEC, { chunkFrames: 10 });
    await writer.append(tokens);
    const left = read(files()[0]!);
    await writer.abort();

    assert.throws(() => decodeTokenFile(left), isFormatError(/never finished.*recover: true/));
    const recovered = decodeTokenFile(left, { recover: true });
    const { chunks, damaged, complete, frames } = recovered;
    assert.deepEqual([damaged, complete, frames], [[], false, 40]);
    assert.deepEqual(concatTokens(chunks.map((chunk) => chunk.tokens)), sliceTokens(tokens, 0, 40));

    writeFileSync(inFolder("b"), left.subarray(0, left.length - 3));
    const again = await TokenFileWriter.appendTo(inFolder("b"));
    assert.equal(again.frames, 30);
    await again.append(sliceTokens(tokens, 30, 45));
    await again.close();
    assert.deepEqual(read("b"), encode(tokens, 10));
  });

  it("refuses to continue a file that is damaged, and does not touch it", async () => {
    const bytes = encode(makeTokens(45), 10);
    bytes[300]! ^= 1;
    writeFileSync(inFolder("a"), bytes);
    await assert.rejects(
      TokenFileWriter.appendTo(inFolder("a")),
      isFormatError(/frames \d+ to \d+ are damaged. Recover/),
    );
    writeFileSync(inFolder("a"), encode(makeTokens(45), 10).subarray(0, 300));
    await assert.rejects(TokenFileWriter.appendTo(inFolder("a")), isFormatError(/are damaged/));
    assert.deepEqual(files(), ["a"]);
  });

  it("refuses tokens of another spec or that are not valid, and goes on", async () => {
    const writer = await TokenFileWriter.create(inFolder("a"), SPEC);
    const other = makeTokens(2, { ...SPEC, acousticCodebooks: 3 });
    await assert.rejects(writer.append(other), hasCode("ERR_LMSPT_INVALID_ARGUMENT", /7, .* for acousticCodebooks/));
    await assert.rejects(writer.append({ ...makeTokens(2), samples: 1 }), hasCode("ERR_LMSPT_INVALID_ARGUMENT"));
    await writer.append(makeTokens(2));
    await writer.close();
    assert.deepEqual(decodeTokenFile(read("a")), makeTokens(2));
  });

  it("reports what the system refuses", async () => {
    await assert.rejects(TokenFileWriter.create(inFolder("no/a"), SPEC), hasCode("ERR_LMSPT_IO", /ENOENT/));
    await assert.rejects(TokenFileWriter.appendTo(inFolder("none")), hasCode("ERR_LMSPT_IO", /Cannot read .*none/));
    await assert.rejects(
      TokenFileWriter.create(inFolder("a"), { ...SPEC, model: "" }),
      hasCode("ERR_LMSPT_INVALID_ARGUMENT", /model/),
    );
    await assert.rejects(
      TokenFileWriter.create(inFolder("a"), SPEC, { chunkFrames: 0 }),
      hasCode("ERR_LMSPT_INVALID_ARGUMENT", /chunkFrames/),
    );
    assert.deepEqual(files(), []);
  });

  it("leaves nothing behind when it cannot take the file's place", async () => {
    const writer = await TokenFileWriter.create(inFolder("a"), SPEC);
    mkdirSync(inFolder("a/full"), { recursive: true });
    await writer.append(makeTokens(1));
    await assert.rejects(writer.close(), hasCode("ERR_LMSPT_IO"));
    assert.deepEqual(files(), ["a"]);
  });
});

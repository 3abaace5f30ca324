import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { crc32c } from "../../lib/data/crc32c.js";
import { decodeTokenFile, encodeTokenFile } from "../../lib/data/token-file.js";
import { TokenFileReader } from "../../lib/data/token-file-reader.js";
import { TokenFileWriter } from "../../lib/data/token-file-writer.js";
import { validateTokens } from "../../lib/data/tokens.js";
import { makeTokens, mutate, randomNumbers, requireCleanOutcome, SPEC, useTemporaryFolder } from "./support.js";

const CHUNK_FRAMES = 10;
const ORIGINALS = [
  encodeTokenFile(makeTokens(35, SPEC, 1, 500), { chunkFrames: CHUNK_FRAMES }),
  encodeTokenFile(makeTokens(64, { ...SPEC, semanticCodebookSize: 1, acousticCodebookSize: 3 }, 2), { chunkFrames: 8 }),
  encodeTokenFile(makeTokens(0)),
];

/** Puts right the checksums of header, chunk headers, chunks and index, so that a changed field gets past them. */
function reseal(bytes: Buffer): void {
  const seal = (begin: number, end: number) => {
    if (begin >= 0 && end > begin && end + 4 <= bytes.length) {
      bytes.writeUInt32LE(crc32c(bytes.subarray(begin, end)), end);
    }
  };
  if (bytes.length > 12) seal(0, 44 + bytes.readUInt16LE(10));
  const index = bytes.lastIndexOf("LSPX");
  for (let at = bytes.indexOf("LSPC"); at >= 0; ) {
    seal(at, at + 16);
    const next = bytes.indexOf("LSPC", at + 1);
    seal(at, (next >= 0 ? next : index) - 4);
    at = next;
  }
  seal(index, bytes.length - 8);
}

/** Reads `bytes` in every way there is. */
async function readInEveryWay(bytes: Uint8Array, path: string, context: string): Promise<boolean> {
  writeFileSync(path, bytes);
  const strict = await requireCleanOutcome(() => validateTokens(decodeTokenFile(bytes)), `${context}, strict`);
  await requireCleanOutcome(() => {
    const { chunks, frames } = decodeTokenFile(bytes, { recover: true });
    let expected = 0;
    for (const { startFrame, tokens } of chunks) {
      validateTokens(tokens);
      assert.ok(startFrame >= expected && startFrame + tokens.frames <= frames);
      expected = startFrame + tokens.frames;
    }
  }, `${context}, recovering`);
  for (const recover of [false, true]) {
    await requireCleanOutcome(async () => {
      const reader = await TokenFileReader.open(path, { recover });
      try {
        for await (const { tokens } of reader) validateTokens(tokens);
        await reader.read(0, reader.frames);
      } finally {
        await reader.close();
      }
    }, `${context}, reader, recover: ${recover}`);
  }
  await requireCleanOutcome(async () => (await TokenFileWriter.appendTo(path)).abort(), `${context}, appending`);
  return strict;
}

describe("hostile token files", function () {
  this.timeout(120_000);
  const inFolder = useTemporaryFolder();

  it("1500 mutations give a result or a typed error", async () => {
    const random = randomNumbers(11);
    let refused = 0;
    for (let i = 0; i < 1500; i++) {
      let bytes = mutate(ORIGINALS[i % ORIGINALS.length]!, random);
      while (bytes.length > 8 && random(3) === 0) bytes = mutate(bytes, random);
      if (!(await readInEveryWay(bytes, inFolder("a"), `mutation ${i}`))) refused++;
    }
    assert.ok(refused > 1400, `${refused} refused`);
  });

  it("1500 mutations with checksums put right give a result or a typed error", async () => {
    const random = randomNumbers(12);
    let accepted = 0;
    for (let i = 0; i < 1500; i++) {
      let bytes = mutate(ORIGINALS[i % ORIGINALS.length]!, random);
      while (bytes.length > 8 && random(3) === 0) bytes = mutate(bytes, random);
      reseal(bytes);
      if (await readInEveryWay(bytes, inFolder("a"), `mutation ${i}`)) accepted++;
    }
    assert.ok(accepted > 100, `only ${accepted} got past the checksums`);
  });

  it("every field of the header set to extremes gives a result or a typed error", async () => {
    for (const original of ORIGINALS) {
      for (let offset = 8; offset < 44; offset += 2) {
        for (const value of [0, 1, 2, 255, 1024, 32767, 65535]) {
          for (const both of [false, true]) {
            const bytes = Buffer.from(original);
            bytes.writeUInt16LE(value, offset);
            if (both) bytes.writeUInt16LE(value, offset + 2);
            reseal(bytes);
            await readInEveryWay(bytes, inFolder("a"), `${value} at ${offset}`);
          }
        }
      }
    }
  });

  it("a file of nothing but chunk headers is read in linear time", async () => {
    const mark = Buffer.alloc(20);
    mark.write("LSPC");
    mark.writeUInt32LE(CHUNK_FRAMES, 4);
    mark.writeUInt32LE(crc32c(mark.subarray(0, 16)), 16);
    const header = ORIGINALS[0]!.subarray(0, 48 + SPEC.model.length);
    for (const unit of [mark, mark.subarray(0, 4), Buffer.concat([mark, Buffer.alloc(1)])]) {
      const bytes = Buffer.concat([header, ...Array<Buffer>(Math.ceil(3e5 / unit.length)).fill(unit)]);
      await readInEveryWay(bytes, inFolder("a"), `marks of ${unit.length} bytes`);
    }
  });
});

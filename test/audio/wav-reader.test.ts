import assert from "node:assert/strict";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { decodeWav } from "../../lib/audio/wav.js";
import { WavReader } from "../../lib/audio/wav-reader.js";
import { fixture, inTemporaryFolder } from "./support.js";

describe("WavReader", () => {
  it("tells the format", async () => {
    await using reader = await WavReader.open(fixture("pcm24.wav"));
    assert.deepEqual(reader.format, {
      sampleRate: 24000,
      channels: 1,
      frames: 2400,
      bitsPerSample: 24,
      encoding: "pcm24",
    });
  });

  it("reads any part as the whole has it", async () => {
    for (const name of ["pcm16-3channels", "pcm24", "pcm8", "pcm16-streamed"]) {
      const whole = decodeWav(readFileSync(fixture(`${name}.wav`))).channels;
      await using reader = await WavReader.open(fixture(`${name}.wav`));
      await fc.assert(
        fc.asyncProperty(fc.nat({ max: 2400 }), fc.nat({ max: 3000 }), async (start, count) => {
          const expected = whole.map((channel) => channel.slice(start, start + count));
          assert.deepEqual(await reader.read(start, count), expected);
        }),
        { numRuns: 50 },
      );
    }
  });

  it("walks through the file in blocks", async () => {
    await using reader = await WavReader.open(fixture("pcm16-3channels.wav"));
    const lengths: number[] = [];
    const first: number[] = [];
    for await (const block of reader.blocks(1000)) {
      lengths.push(...block.map((channel) => channel.length));
      first.push(...block[0]!);
    }
    assert.deepEqual(lengths, [1000, 1000, 1000, 1000, 1000, 1000, 400, 400, 400]);
    assert.deepEqual(Float32Array.from(first), (await reader.read(0, 2400))[0]);
  });

  it("reads from memory as from disk", async () => {
    await using reader = await WavReader.fromBytes(readFileSync(fixture("float64.wav")));
    assert.deepEqual(await reader.read(0, 2400), decodeWav(readFileSync(fixture("pcm16.wav"))).channels);
  });

  it("refuses wrong arguments", async () => {
    await using reader = await WavReader.open(fixture("pcm16.wav"));
    const invalid = { code: "ERR_LMSPT_INVALID_ARGUMENT" };
    for (const start of [-1, 0.5, 2401, Number.NaN]) await assert.rejects(reader.read(start, 1), invalid);
    for (const count of [-1, 0.5, Infinity]) await assert.rejects(reader.read(0, count), invalid);
    await assert.rejects(reader.blocks(0).next(), invalid);
  });

  it("refuses reading after close, which may be repeated", async () => {
    const reader = await WavReader.open(fixture("pcm16.wav"));
    await reader.close();
    await reader.close();
    await assert.rejects(reader.read(0, 1), { code: "ERR_LMSPT_CLOSED" });
  });

  it("reports files that cannot be read", async () => {
    await assert.rejects(WavReader.open(fixture("missing.wav")), {
      code: "ERR_LMSPT_IO",
      message: /missing\.wav.*ENOENT/,
    });
    await assert.rejects(WavReader.open(fixture("")), { code: "ERR_LMSPT_IO", message: /not a regular file/ });
    await assert.rejects(WavReader.open(fixture("README.md")), { name: "FormatError", offset: 0 });
  });

  it("reports a file that shrinks under its hands", async () => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, "shrinking.wav");
      writeFileSync(path, readFileSync(fixture("pcm16.wav")));
      await using reader = await WavReader.open(path);
      truncateSync(path, 1000);
      await assert.rejects(reader.read(0, 2400), { name: "FormatError", message: /became shorter/, offset: 1000 });
    });
  });
});

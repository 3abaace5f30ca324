import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeWav } from "../../lib/audio/wav.js";
import { WavWriter } from "../../lib/audio/wav-writer.js";
import { LmsptError } from "../../lib/errors.js";
import { AtomicFile } from "../../lib/io/atomic-file.js";
import { inTemporaryFolder, randomIntegers } from "./support.js";

const random = randomIntegers(7);
const left = Float32Array.from({ length: 1001 }, () => random(65536) / 32768 - 1);
const right = left.toReversed();

describe("WavWriter", () => {
  for (const encoding of ["pcm16", "pcm24", "float32"] as const) {
    it(`writes ${encoding} in pieces as encodeWav does at once`, async () => {
      await inTemporaryFolder(async (folder) => {
        const path = join(folder, "out.wav");
        await using writer = await WavWriter.create(path, { sampleRate: 24000, channels: 2, encoding });
        for (const [start, end] of [
          [0, 1],
          [1, 1],
          [1, 700],
          [700, 1001],
        ] as const) {
          await writer.write([left.subarray(start, end), right.subarray(start, end)]);
        }
        assert.equal(writer.frames, 1001);
        await writer.close();
        const expected = encodeWav({ channels: [left, right], sampleRate: 24000 }, { encoding });
        assert.deepEqual(new Uint8Array(readFileSync(path)), expected);
      });
    });
  }

  it("keeps the order of writes nobody waits for, and the samples as they were", async () => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, "out.wav");
      const writer = await WavWriter.create(path, { sampleRate: 8000, encoding: "pcm24" });
      const reused = new Float32Array(1);
      const writes = Array.from(left.subarray(0, 99), (sample) => {
        reused[0] = sample;
        return writer.write(reused);
      });
      await Promise.all([...writes, writer.close()]);
      const expected = encodeWav({ samples: left.subarray(0, 99), sampleRate: 8000 }, { encoding: "pcm24" });
      assert.deepEqual(new Uint8Array(readFileSync(path)), expected);
    });
  });

  it("leaves what the name held before until close", async () => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, "out.wav");
      writeFileSync(path, "before");
      const writer = await WavWriter.create(path, { sampleRate: 8000 });
      await writer.write(left);
      assert.equal(readFileSync(path, "utf8"), "before");
      await writer.close();
      await writer.close();
      assert.deepEqual(new Uint8Array(readFileSync(path)), encodeWav({ samples: left, sampleRate: 8000 }));
      assert.deepEqual(readdirSync(folder), ["out.wav"]);
    });
  });

  it("leaves nothing behind after abort, and is closed then", async () => {
    await inTemporaryFolder(async (folder) => {
      const writer = await WavWriter.create(join(folder, "out.wav"), { sampleRate: 8000 });
      await writer.write(left);
      assert.equal(readdirSync(folder).length, 1);
      await writer.abort();
      await writer.abort();
      assert.deepEqual(readdirSync(folder), []);
      await assert.rejects(writer.write(left), { code: "ERR_LMSPT_CLOSED" });
      await assert.rejects(writer.close(), { code: "ERR_LMSPT_CLOSED" });
    });
  });

  it("aborts when an error leaves its scope, and not after close", async () => {
    await inTemporaryFolder(async (folder) => {
      const failing = async () => {
        await using writer = await WavWriter.create(join(folder, "out.wav"), { sampleRate: 8000 });
        await writer.write(left);
        throw new Error("on the way");
      };
      await assert.rejects(failing, /on the way/);
      assert.deepEqual(readdirSync(folder), []);
    });
  });

  it("reports a name that cannot be written and removes its temporary file", async () => {
    await inTemporaryFolder(async (folder) => {
      const missing = WavWriter.create(join(folder, "no", "out.wav"), { sampleRate: 8000 });
      await assert.rejects(missing, { code: "ERR_LMSPT_IO", message: /Cannot write .*ENOENT/ });
      mkdirSync(join(folder, "taken", "inside"), { recursive: true });
      const writer = await WavWriter.create(join(folder, "taken"), { sampleRate: 8000 });
      await writer.write(left);
      await assert.rejects(writer.close(), { code: "ERR_LMSPT_IO" });
      assert.deepEqual(readdirSync(folder), ["taken"]);
    });
  });

  it("fails for good after a failed write, and leaves no file", async () => {
    await inTemporaryFolder(async (folder) => {
      const write = AtomicFile.prototype.write;
      const writer = await WavWriter.create(join(folder, "out.wav"), { sampleRate: 8000 });
      const full = new LmsptError("ERR_LMSPT_IO", "disk full");
      try {
        AtomicFile.prototype.write = () => Promise.reject(full);
        await assert.rejects(writer.write(left), full);
      } finally {
        AtomicFile.prototype.write = write;
      }
      await assert.rejects(writer.write(left), full);
      await assert.rejects(writer.close(), full);
      assert.deepEqual(readdirSync(folder), []);
    });
  });

  it("refuses wrong arguments and goes on after them", async () => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, "out.wav");
      const invalid = { code: "ERR_LMSPT_INVALID_ARGUMENT" };
      await assert.rejects(WavWriter.create(path, { sampleRate: 0 }), invalid);
      await assert.rejects(WavWriter.create(path, { sampleRate: 8000, channels: 0 }), invalid);
      await assert.rejects(WavWriter.create(path, { sampleRate: 8000, channels: 32768 }), invalid);
      const writer = await WavWriter.create(path, { sampleRate: 8000, channels: 2 });
      await assert.rejects(writer.write(left), { ...invalid, message: /2 channels/ });
      await assert.rejects(writer.write([left, right.subarray(1)]), invalid);
      await assert.rejects(writer.write([left, Float32Array.of(...right.subarray(1), Number.NaN)]), invalid);
      await writer.write([left, right]);
      await writer.close();
      const expected = encodeWav({ channels: [left, right], sampleRate: 8000 });
      assert.deepEqual(new Uint8Array(readFileSync(path)), expected);
    });
  });
});

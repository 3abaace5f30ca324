import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeAudio } from "../../lib/audio/decode.js";
import { decodeWav } from "../../lib/audio/wav.js";
import { WavReader } from "../../lib/audio/wav-reader.js";
import { LmsptError } from "../../lib/errors.js";
import {
  ascii,
  chunk,
  extensibleBody,
  fixture,
  formatBody,
  inTemporaryFolder,
  randomIntegers,
  resealOgg,
  u32,
  u64,
  wav,
} from "./support.js";

type Random = (below: number) => number;

const LENGTHS = [0, 1, 2, 0x7f, 0xffff, 0x7ffff000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff];
const CHUNK_NAMES = ["data", "fmt ", "ds64", "LIST", "\0\0\0\0", "RIFF"];

function seeds(): Uint8Array[] {
  const samples = Array.from({ length: 96 }, (_, index) => (index * 37) % 256);
  const plain = (
    [
      [1, 8],
      [1, 16],
      [1, 24],
      [1, 32],
      [3, 32],
      [3, 64],
    ] as const
  ).map(([tag, bits]) =>
    wav(chunk("fmt ", formatBody(tag, 2, 24000, bits)), chunk("LIST", [1, 2, 3]), chunk("data", samples)),
  );
  const extensible = wav(chunk("fmt ", extensibleBody(1, 3, 48000, 16)), chunk("data", samples));
  const ds64 = chunk("ds64", [...u64(200), ...u64(96), ...u64(48), ...u32(0)]);
  const rf64 = wav(ds64, chunk("fmt ", formatBody(1, 1, 8000, 16)), chunk("data", samples, 0xffffffff));
  rf64.set([...ascii("RF64"), ...u32(0xffffffff)]);
  return [...plain, extensible, rf64];
}

function flipBytes(bytes: Uint8Array, random: Random): Uint8Array {
  for (let count = 1 + random(5); count > 0; count--) bytes[random(Math.min(bytes.length, 120))] = random(256);
  return bytes;
}

function changeLength(bytes: Uint8Array, random: Random): Uint8Array {
  const view = new DataView(bytes.buffer);
  const value = random(2) ? LENGTHS[random(LENGTHS.length)]! : random(2 ** 32);
  view.setUint32(random(Math.min(bytes.length, 120) - 4), value, true);
  return bytes;
}

function insertChunk(bytes: Uint8Array, random: Random): Uint8Array {
  const body = Array.from({ length: random(48) }, () => random(256));
  const length = random(2) ? body.length : LENGTHS[random(LENGTHS.length)]!;
  const inserted = chunk(CHUNK_NAMES[random(CHUNK_NAMES.length)]!, body, length);
  const at = random(3) ? 12 : random(bytes.length);
  return Uint8Array.from([...bytes.subarray(0, at), ...inserted, ...bytes.subarray(at)]);
}

const MUTATIONS = [
  flipBytes,
  changeLength,
  insertChunk,
  (bytes: Uint8Array, random: Random) => bytes.slice(0, random(bytes.length)),
];

/** The decoded channels, or the error, which must be one of ours. */
async function outcome(attempt: () => unknown): Promise<unknown> {
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof LmsptError)) throw error;
    return `${error.code} ${error.message}`;
  }
}

async function readThrough(path: string): Promise<Float32Array[]> {
  await using reader = await WavReader.open(path);
  return reader.read(0, reader.format.frames);
}

describe("hostile WAV files", () => {
  it("parse or raise a typed error, in memory as on disk (1600 mutations)", async function () {
    this.timeout(60_000);
    const counts = { parsed: 0, refused: 0 };
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, "mutated.wav");
      for (const [index, seed] of seeds().entries()) {
        assert.ok(decodeWav(seed).channels[0]!.length > 0);
        for (let round = 0; round < 200; round++) {
          const random = randomIntegers(index * 1000 + round);
          let bytes: Uint8Array = seed.slice();
          for (let count = 1 + random(2); count > 0; count--) {
            if (bytes.length > 8) bytes = MUTATIONS[random(MUTATIONS.length)]!(bytes, random);
          }
          writeFileSync(path, bytes);
          const inMemory = await outcome(() => decodeWav(bytes).channels);
          assert.deepEqual(await outcome(() => readThrough(path)), inMemory, `seed ${index}, round ${round}`);
          counts[typeof inMemory === "string" ? "refused" : "parsed"]++;
          if (Array.isArray(inMemory)) {
            const samples = inMemory.reduce((sum, channel) => sum + channel.length, 0);
            assert.ok(samples <= bytes.length, "more samples than bytes");
          }
        }
      }
    });
    assert.ok(counts.parsed > 200 && counts.refused > 200, JSON.stringify(counts));
  });
});

describe("hostile compressed files", () => {
  function mutate(original: Uint8Array, seed: number): Uint8Array {
    const random = randomIntegers(seed);
    const bytes = original.slice();
    for (let count = 1 + random(6); count > 0; count--) {
      const at = random(random(2) ? 4000 : bytes.length);
      if (random(4) === 0) bytes.fill(random(2) * 255, at, at + random(300));
      else bytes[at] = random(256);
    }
    return random(5) === 0 ? bytes.slice(0, random(bytes.length)) : bytes;
  }

  for (const extension of ["flac", "oga", "mp3", "ogg", "opus"]) {
    it(`.${extension}: decode or raise a typed error (100 mutations)`, async function () {
      this.timeout(120_000);
      const original = new Uint8Array(readFileSync(fixture(`speech-1s.${extension}`)));
      const isOgg = ["oga", "ogg", "opus"].includes(extension);
      const signal = AbortSignal.timeout(110_000);
      for (let seed = 0; seed < 100; seed += 4) {
        const batch = [0, 1, 2, 3].map((step) => {
          const bytes = mutate(original, seed + step);
          // Three in four get right checksums, and so reach the decoder.
          if (isOgg && step > 0) resealOgg(bytes);
          return outcome(() => decodeAudio(bytes, { signal }));
        });
        await Promise.all(batch);
      }
    });
  }
});

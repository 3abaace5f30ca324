/** What the tests of lib/data share. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { createTokens, type TokenSpec, type Tokens, tokensFromCodes } from "../../lib/data/tokens.js";
import { FormatError, LmsptError } from "../../lib/errors.js";

export function fixturePath(name: string): string {
  let folder = __dirname;
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return join(folder, "test", "fixtures", "data", name);
}

export function fixture(name: string): Uint8Array {
  return readFileSync(fixturePath(name));
}

/** A fresh folder for every test of the enclosing suite; the function returned gives a path in it. */
export function useTemporaryFolder(): (name: string) => string {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "lmspt-data-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  return (name) => join(folder, name);
}

/** The public model's shape: 1 semantic codebook of 16384 and 7 acoustic ones of 4096 at 12.5 Hz. */
export const SPEC: TokenSpec = {
  semanticCodebooks: 1,
  acousticCodebooks: 7,
  semanticCodebookSize: 16384,
  acousticCodebookSize: 4096,
  sampleRate: 24000,
  frameRate: 12.5,
  model: "sha256:0123456789abcdef",
};

/** Random whole numbers, the same for the same seed: `random(n)` is 0 to n - 1. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Valid tokens with random codes, among them the largest; the last frame lacks `missing` samples. */
export function makeTokens(frames: number, spec: TokenSpec = SPEC, seed = 1, missing = 0): Tokens {
  const random = randomNumbers(seed);
  const rows = (count: number, size: number) =>
    Array.from({ length: count }, () =>
      Int32Array.from({ length: frames }, (_, i) => (i === 0 ? size - 1 : random(size))),
    );
  const semantic = rows(spec.semanticCodebooks, spec.semanticCodebookSize);
  const acoustic = rows(spec.acousticCodebooks, spec.acousticCodebookSize);
  const samples = Math.max(0, frames * Math.round(spec.sampleRate / spec.frameRate) - missing);
  return createTokens({ ...tokensFromCodes(spec, [...semantic, ...acoustic], samples) });
}

const codebookSize = fc.oneof(
  fc.constantFrom(1, 2, 3, 1000, 4096, 16384, 2 ** 31 - 1, 2 ** 31),
  fc.integer({ min: 1, max: 70000 }),
);

export const anySpec: fc.Arbitrary<TokenSpec> = fc
  .record({
    semanticCodebooks: fc.integer({ min: 0, max: 3 }),
    acousticCodebooks: fc.integer({ min: 0, max: 8 }),
    semanticCodebookSize: codebookSize,
    acousticCodebookSize: codebookSize,
    sampleRate: fc.constantFrom(8000, 16000, 22050, 24000, 44100, 48000),
    hop: fc.integer({ min: 1, max: 4000 }),
    model: fc.string({ minLength: 1, maxLength: 80, unit: "grapheme-ascii" }),
  })
  .filter((spec) => spec.semanticCodebooks + spec.acousticCodebooks > 0)
  .map(({ hop, ...spec }) => ({ ...spec, frameRate: spec.sampleRate / hop }));

/** Valid tokens of any spec, from none to 300 frames, the last of them filled or not. */
export const anyTokens: fc.Arbitrary<Tokens> = fc
  .tuple(anySpec, fc.oneof(fc.constantFrom(0, 1, 2), fc.nat(300)), fc.nat(2 ** 31), fc.nat())
  .map(([spec, frames, seed, missing]) =>
    makeTokens(frames, spec, seed, frames === 0 ? 0 : missing % Math.round(spec.sampleRate / spec.frameRate)),
  );

/** A predicate for assert.throws and assert.rejects: an error of that code whose message matches. */
export function hasCode(code: string, message = /./): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof LmsptError, `not an LmsptError: ${error}`);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}

/** A FormatError, at `offset` where one is given. */
export function isFormatError(message = /./, offset?: number): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof FormatError, `not a FormatError: ${error}`);
    assert.match(error.message, message);
    if (offset !== undefined) assert.equal(error.offset, offset);
    return true;
  };
}

const HOSTILE_NUMBERS = [0n, 1n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

/** One random change: a flipped bit, a changed byte, a hostile number, or bytes cut off, removed, doubled or inserted. */
export function mutate(original: Uint8Array, random: (below: number) => number): Buffer {
  const bytes = Buffer.from(original);
  const at = random(bytes.length);
  const length = 1 + random(Math.min(64, bytes.length - at));
  switch (random(8)) {
    case 0:
      bytes[at]! ^= 1 << random(8);
      return bytes;
    case 1:
      bytes[at] = random(256);
      return bytes;
    case 2:
      bytes.writeUInt32LE(Number(HOSTILE_NUMBERS[random(HOSTILE_NUMBERS.length)]! & 0xffffffffn), within(at, 4));
      return bytes;
    case 3:
      bytes.writeBigUInt64LE(HOSTILE_NUMBERS[random(HOSTILE_NUMBERS.length)]!, within(at, 8));
      return bytes;
    case 4:
      return bytes.subarray(0, at);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 6:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    default:
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(Array.from({ length }, () => random(256))),
        bytes.subarray(at),
      ]);
  }
  function within(offset: number, size: number): number {
    return Math.min(offset, bytes.length - size);
  }
}

/** Fails unless `read` gives a result or an LmsptError, without much computing, and without holding much memory. */
export async function requireCleanOutcome(read: () => unknown, context: string): Promise<boolean> {
  const before = process.memoryUsage().arrayBuffers;
  const start = process.cpuUsage();
  let readable = true;
  try {
    await read();
  } catch (error) {
    if (!(error instanceof LmsptError)) throw new Error(`${context}: ${error}`, { cause: error });
    readable = false;
  }
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 16 * 2 ** 20, `${context}: allocated ${grown} bytes`);
  const { user, system } = process.cpuUsage(start);
  assert.ok(user + system < 5e6, `${context}: computed for ${user + system} us`);
  return readable;
}

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const root = (() => {
  let folder = __dirname;
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
})();

export function fixture(name: string): string {
  return join(root, "test", "fixtures", "audio", name);
}

/** Runs `body` with a folder that is removed afterwards. */
export async function inTemporaryFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "lmspt-audio-"));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Uniform integers in [0, below), the same for the same seed. */
export function randomIntegers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export function ascii(text: string): number[] {
  return [...text].map((character) => character.charCodeAt(0));
}

export function u16(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff];
}

export function u32(value: number): number[] {
  return [...u16(value & 0xffff), ...u16(value >>> 16)];
}

export function u64(value: number): number[] {
  return [...u32(value % 2 ** 32), ...u32(Math.floor(value / 2 ** 32))];
}

/** A RIFF chunk with its padding. */
export function chunk(id: string, body: readonly number[], size = body.length): number[] {
  return [...ascii(id), ...u32(size), ...body, ...(body.length % 2 ? [0] : [])];
}

/** Body of a plain "fmt " chunk. */
export function formatBody(tag: number, channels: number, sampleRate: number, bits: number): number[] {
  const frameBytes = (channels * bits) / 8;
  return [
    ...u16(tag),
    ...u16(channels),
    ...u32(sampleRate),
    ...u32(sampleRate * frameBytes),
    ...u16(frameBytes),
    ...u16(bits),
  ];
}

/** Body of an extensible "fmt " chunk. */
export function extensibleBody(tag: number, channels: number, sampleRate: number, bits: number): number[] {
  const guidTail = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
  return [
    ...formatBody(0xfffe, channels, sampleRate, bits),
    ...[...u16(22), ...u16(bits), ...u32(0), ...u16(tag), ...guidTail],
  ];
}

/** A WAV file of these chunks. */
export function wav(...chunks: readonly number[][]): Uint8Array {
  const body = [...ascii("WAVE"), ...chunks.flat()];
  return Uint8Array.from([...ascii("RIFF"), ...u32(body.length), ...body]);
}

/** Puts the right checksum into every Ogg page, so that changed content reaches the decoder. */
export function resealOgg(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let start = 0; start + 27 <= bytes.length; ) {
    let end = start + 27 + bytes[start + 26]!;
    for (let at = start + 27; at < start + 27 + bytes[start + 26]!; at++) end += bytes[at] ?? 0;
    if (end > bytes.length) break;
    view.setUint32(start + 22, 0, true);
    view.setUint32(start + 22, oggCrc(bytes.subarray(start, end)), true);
    start = end;
  }
  return bytes;
}

function oggCrc(page: Uint8Array): number {
  let crc = 0;
  for (const byte of page) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  }
  return crc >>> 0;
}

/** Pearson-like correlation of two signals of equal length. */
export function correlation(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((sample, index) => {
    ab += sample * b[index]!;
    aa += sample * sample;
    bb += b[index]! * b[index]!;
  });
  return ab / Math.sqrt(aa * bb);
}

/** The best correlation of `reference` (without `maxLag` samples at either end) with `signal` moved by up to `maxLag`. */
export function alignedCorrelation(reference: Float32Array, signal: Float32Array, maxLag: number): number {
  const length = Math.min(reference.length, signal.length) - 2 * maxLag;
  const middle = reference.subarray(maxLag, maxLag + length);
  let best = -1;
  for (let lag = 0; lag <= 2 * maxLag; lag++)
    best = Math.max(best, correlation(middle, signal.subarray(lag, lag + length)));
  return best;
}

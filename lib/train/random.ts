/**
 * Random numbers without a state: each is named by a seed, a stream and an index, so that a run that is taken up again
 * needs to know nothing but where it stands.
 */

/** What the numbers are for; numbers of different streams have nothing to do with each other. */
export type Stream =
  | "order"
  | "crop"
  | "codebooks"
  | "weights"
  | "frames"
  | "bands"
  | "hidden tokens"
  | "other tokens"
  | "restarts";

const STREAMS: Readonly<Record<Stream, number>> = {
  order: 1,
  crop: 2,
  codebooks: 3,
  weights: 4,
  frames: 5,
  bands: 6,
  "hidden tokens": 7,
  "other tokens": 8,
  restarts: 9,
};

/** 32 random bits. `index` is any safe integer of at least 0. */
export function randomBits(seed: number, stream: Stream, index: number): number {
  const low = index >>> 0;
  const high = Math.floor(index / 2 ** 32);
  return mix(mix(mix(seed ^ 0x9e3779b9) ^ Math.imul(STREAMS[stream], 0x85ebca6b) ^ high) ^ low);
}

/** From 0 up to, not including, 1. */
export function randomFraction(seed: number, stream: Stream, index: number): number {
  return randomBits(seed, stream, index) / 2 ** 32;
}

/** A whole number from 0 up to, not including, `count`. */
export function randomInteger(seed: number, stream: Stream, index: number, count: number): number {
  return Math.floor(randomFraction(seed, stream, index) * count);
}

/** The finalizer of MurmurHash3, which spreads every bit over all. */
export function mix(value: number): number {
  let bits = value >>> 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

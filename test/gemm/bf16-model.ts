/** The definition of bf16 products, number by number, in the order in which each unit sums them (csrc/gemm/bf16.h). */

/** Rounds to bf16, ties to even. */
export function toBf16(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] = (bits[0]! + 0x7fff + ((bits[0]! >>> 16) & 1)) & 0xffff0000;
  return new Float32Array(bits.buffer)[0]!;
}

/** The rest that a split product takes along. */
export const restOf = (value: number) => toBf16(Math.fround(value - toBf16(value)));

/** Products of bf16 numbers and their sum with a float32 are exact enough in double precision to be rounded once. */
const multiplyAdd = (a: number, b: number, sum: number) => Math.fround(a * b + sum);

export type Unit = "vector" | "tiles";

/** What multiplies in a CPU variant. */
export const unitOf = (variant: string): Unit => (variant.startsWith("amx") ? "tiles" : "vector");

const BLOCK = 32;

/** The order of K, as pairs of (tap, channel), of rows of `taps` times an even number of channels. */
export function orderOfK(taps: number, channels: number): [tap: number, channel: number][] {
  const width = channels + (channels % 2);
  const order: [number, number][] = [];
  if (width % BLOCK !== 0) {
    for (let k = 0; k < taps * width; k++) order.push([Math.floor(k / width), k % width]);
    return order;
  }
  for (let slice = 0; slice < width; slice += BLOCK) {
    for (let tap = 0; tap < taps; tap++) {
      for (let i = 0; i < BLOCK; i++) order.push([tap, slice + i]);
    }
  }
  return order;
}

/** The sum of a[k] b[k] over float32 numbers, rounded on the way in. */
export function dotBf16(a: readonly number[], b: readonly number[], unit: Unit): number {
  const [x, y] = [a.map(toBf16), b.map(toBf16)];
  let sum = 0;
  if (unit === "vector") {
    for (let k = 0; k < x.length; k += 2) {
      sum = multiplyAdd(x[k]!, y[k]!, multiplyAdd(x[k + 1]!, y[k + 1]!, sum));
    }
    return sum;
  }
  for (let k = 0; k < x.length; k += BLOCK) sum = addBlock(sum, x.slice(k, k + BLOCK), y.slice(k, k + BLOCK));
  return sum;
}

/** The same with both operands split, three products for each, block by block. */
export function dotSplit(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let k = 0; k < a.length; k += BLOCK) {
    const [x, y] = [a.slice(k, k + BLOCK), b.slice(k, k + BLOCK)];
    sum = addBlock(sum, x.map(restOf), y.map(toBf16));
    sum = addBlock(sum, x.map(toBf16), y.map(toBf16));
    sum = addBlock(sum, x.map(toBf16), y.map(restOf));
  }
  return sum;
}

/** One tile instruction: even and odd elements are summed apart. */
function addBlock(sum: number, a: readonly number[], b: readonly number[]): number {
  const parts: [number, number] = [0, 0];
  for (let k = 0; k < a.length; k++) parts[k % 2] = multiplyAdd(a[k]!, b[k]!, parts[k % 2]!);
  return Math.fround(sum + Math.fround(parts[0] + parts[1]));
}

/** Values of parameters that no training has made: what their layers declare, the same on every machine. */
import { setImmediate } from "node:timers/promises";
import { Variable } from "../graph/variable.js";
import type { Parameter } from "../nn/index.js";

/** Assigns values that the seed alone determines. Trainable variables can be written to, and are what training begins with. */
export async function fillRandomly(
  parameters: readonly Parameter[],
  seed: number,
  options: { readonly trainable?: boolean } = {},
): Promise<void> {
  const norms = new Map<string, Float64Array>();
  for (const [index, parameter] of parameters.entries()) {
    const { shape, initial } = parameter;
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if (initial.kind === "constant") data.fill(initial.value);
    if (initial.kind === "normal") {
      fillNormal(data, initial.deviation, mix(seed, index));
      norms.set(parameter.name, rowNorms(data, shape[0]!));
    }
    if (initial.kind === "norms") {
      const gain = options.trainable ? initial.start : initial.gain;
      data.set(norms.get(initial.of)!.map((norm) => gain * norm));
    }
    if (initial.kind === "sinusoids") fillSinusoids(data, shape.at(-1)!);
    parameter.assign(Variable.from(data, shape, { frozen: !options.trainable }));
    await setImmediate();
  }
}

/** Per row, sines of its index in the first half, cosines in the second, with wavelengths from 2 pi to 20 000 pi. */
function fillSinusoids(target: Float32Array, columns: number): void {
  const half = Math.floor(columns / 2);
  for (let i = 0; i < target.length; i++) {
    const column = i % columns;
    const angle = Math.floor(i / columns) * Math.exp((-Math.log(10000) * (column % half)) / Math.max(1, half - 1));
    target[i] = column < half ? Math.sin(angle) : Math.cos(angle);
  }
}

function rowNorms(data: Float32Array, rows: number): Float64Array {
  const size = data.length / rows;
  return Float64Array.from({ length: rows }, (_, row) => {
    let square = 0;
    for (let i = row * size; i < (row + 1) * size; i++) square += data[i]! ** 2;
    return Math.sqrt(square);
  });
}

/** Sums of four uniform numbers of 16 bits: near enough to normal, and the same on every machine. */
function fillNormal(data: Float32Array, deviation: number, seed: number): void {
  let state = seed | 0;
  const bits = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return t ^ (t >>> 14);
  };
  const scale = (deviation * Math.sqrt(3)) / 2 ** 16;
  for (let i = 0; i < data.length; i++) {
    const a = bits();
    const b = bits();
    data[i] = ((a & 0xffff) + (a >>> 16) + (b & 0xffff) + (b >>> 16) - 2 * 0xffff) * scale;
  }
}

function mix(seed: number, index: number): number {
  return Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35);
}

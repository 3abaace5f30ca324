/** Attention by its definition, in double precision, and what kernels of a precision are held to. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { attention } from "../../lib/graph/ops/index.js";
import type { Precision } from "../../lib/graph/precision.js";
import { randomFloats, relativeError } from "../golden.js";
import { randomTensor } from "../ops/support.js";
import { computeGradients, ROUNDING } from "./cuda-precision.js";

/** Of random tensors and what is made of them. */
export interface Geometry {
  readonly batch?: number;
  readonly queries: number;
  readonly keys: number;
  readonly heads?: number;
  readonly keyHeads?: number;
  readonly size: number;
  readonly causal?: boolean;
  readonly scale?: number;
  /** Factor of the random queries; 1 by default. */
  readonly spread?: number;
}

export function inputsOf({ batch = 1, queries, keys, heads = 1, keyHeads = heads, size, spread = 1 }: Geometry) {
  const q = randomTensor([batch, queries, heads, size], 1);
  return {
    q: { data: q.data.map((value) => value * spread), shape: q.shape },
    k: randomTensor([batch, keys, keyHeads, size], 2),
    v: randomTensor([batch, keys, keyHeads, size], 3),
  };
}

type Results = Record<"y" | "q" | "k" | "v", Float64Array>;

/** The definition in double precision, where `round` is put to all that is multiplied. */
function naive(g: Geometry, gy: Float32Array, round: (value: number) => number): Results {
  const { batch = 1, queries, keys, heads = 1, keyHeads = heads, size, causal, scale = 1 / Math.sqrt(size) } = g;
  const inputs = inputsOf(g);
  const q = Float64Array.from(inputs.q.data, (value) => round(value * scale));
  const [k, v, rounded] = [inputs.k.data, inputs.v.data, gy].map((data) => Float64Array.from(data, round)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const results: Results = {
    y: new Float64Array(q.length),
    q: new Float64Array(q.length),
    k: new Float64Array(k.length),
    v: new Float64Array(v.length),
  };
  const dot = (a: Float64Array, at: number, b: Float64Array, bAt: number) => {
    let sum = 0;
    for (let i = 0; i < size; i++) sum += a[at + i]! * b[bAt + i]!;
    return sum;
  };
  const add = (target: Float64Array, at: number, factor: number, x: Float64Array, xAt: number) => {
    for (let i = 0; i < size; i++) target[at + i]! += factor * x[xAt + i]!;
  };
  for (let row = 0; row < batch * queries * heads; row++) {
    const [b, i, h] = [Math.floor(row / heads / queries), Math.floor(row / heads) % queries, row % heads];
    const at = row * size;
    const seen = causal ? i + keys - queries + 1 : keys;
    const keyAt = (j: number) => ((b * keys + j) * keyHeads + Math.floor((h * keyHeads) / heads)) * size;
    const scores = Array.from({ length: seen }, (_, j) => dot(q, at, k, keyAt(j)));
    const top = Math.max(...scores);
    const exponentials = scores.map((score) => Math.exp(score - top));
    const total = exponentials.reduce((a, b) => a + b);
    for (const [j, value] of exponentials.entries()) add(results.y, at, round(value) / total, v, keyAt(j));
    const exactGy = Float64Array.from(gy);
    const along = dot(exactGy, at, results.y, at);
    for (const [j, value] of exponentials.entries()) {
      const slope = value * (dot(rounded, at, v, keyAt(j)) - along);
      add(results.q, at, (scale * round(slope)) / total, k, keyAt(j));
      add(results.k, keyAt(j), round(slope / total), q, at);
      add(results.v, keyAt(j), round(value / total), rounded, at);
    }
  }
  return results;
}

/** Attention and its gradient are at most twice and three times as far from the exact result as a naive implementation. */
export async function assertNearAsNaive(cuda: Device, g: Geometry, precisions: readonly Precision[]): Promise<void> {
  const inputs = inputsOf(g);
  const gy = randomFloats(inputs.q.data.length, 4);
  const exact = naive(g, gy, (value) => value);
  for (const precision of precisions) {
    const { y, gradients } = await computeGradients(cuda, inputs, gy, precision, ({ q, k, v }) =>
      attention(q, k, v, { causal: g.causal, scale: g.scale }),
    );
    const results = { y, ...gradients };
    const allowed = naive(g, gy, ROUNDING[precision]);
    for (const name of ["y", "q", "k", "v"] as const) {
      const error = relativeError(results[name], exact[name]);
      const factor = name === "y" ? 2 : 3;
      const limit = factor * relativeError(allowed[name], exact[name]) + 2e-6;
      assert(error <= limit, `${precision}, ${name}: error ${error}, allowed ${limit}`);
    }
  }
}

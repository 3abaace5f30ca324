/** Attention on CUDA: every precision against a naive implementation of the same, and queries among other ones. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { attention } from "../../lib/graph/ops/index.js";
import type { Precision } from "../../lib/graph/precision.js";
import { compute } from "../gemm/support.js";
import { randomFloats, relativeError } from "../golden.js";
import { randomTensor } from "../ops/support.js";
import { openCuda } from "./cuda-device.js";
import { computeGradients, PRECISIONS, ROUNDING } from "./cuda-precision.js";

interface Geometry {
  readonly batch?: number;
  readonly queries: number;
  readonly keys: number;
  readonly heads?: number;
  readonly keyHeads?: number;
  readonly size: number;
  readonly causal?: boolean;
}

const geometries: readonly Geometry[] = [
  { queries: 1, keys: 1, size: 1 },
  { queries: 20, keys: 70, size: 64 },
  { queries: 65, keys: 66, size: 63, causal: true },
  { batch: 2, queries: 9, keys: 70, heads: 4, keyHeads: 2, size: 20, causal: true },
  { queries: 66, keys: 65, size: 128 },
  { queries: 34, keys: 100, heads: 2, keyHeads: 1, size: 100, causal: true },
  { queries: 5, keys: 6, size: 132 },
];

function inputsOf({ batch = 1, queries, keys, heads = 1, keyHeads = heads, size }: Geometry) {
  return {
    q: randomTensor([batch, queries, heads, size], 1),
    k: randomTensor([batch, keys, keyHeads, size], 2),
    v: randomTensor([batch, keys, keyHeads, size], 3),
  };
}

type Results = Record<"y" | "q" | "k" | "v", Float64Array>;

/** The definition in double precision, where `round` is put to all that is multiplied. */
function naive(g: Geometry, gy: Float32Array, round: (value: number) => number): Results {
  const { batch = 1, queries, keys, heads = 1, keyHeads = heads, size, causal } = g;
  const inputs = inputsOf(g);
  const scale = 1 / Math.sqrt(size);
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

describe("attention on CUDA", () => {
  let cuda: Device;
  before(() => {
    cuda = openCuda();
  });
  after(() => cuda.close());

  for (const g of geometries) {
    it(`is as near to the exact result as a naive implementation of the same precision: ${JSON.stringify(g)}`, async () => {
      const inputs = inputsOf(g);
      const gy = randomFloats(inputs.q.data.length, 4);
      const exact = naive(g, gy, (value) => value);
      for (const precision of PRECISIONS) {
        const { y, gradients } = await computeGradients(cuda, inputs, gy, precision, ({ q, k, v }) =>
          attention(q, k, v, { causal: g.causal }),
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
    });
  }

  for (const precision of PRECISIONS) {
    it(`gives a query the same bits in any batch, and those of the end alone the bits of the whole, in ${precision}`, async () => {
      const [length, heads, size] = [70, 2, 24];
      const row = heads * size;
      const run = async (q: Float32Array, k: Float32Array, v: Float32Array, batch: number) => {
        const of = (data: Float32Array) => ({ data, shape: [batch, data.length / batch / row, heads, size] });
        const inputs = { q: of(q), k: of(k), v: of(v) };
        return compute(cuda, inputs, precision, ({ q, k, v }) => attention(q, k, v, { causal: true }));
      };
      const [q, k, v, other] = [1, 2, 3, 4].map((seed) => randomFloats(length * row, seed)) as [
        Float32Array,
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      const whole = await run(q, k, v, 1);
      const join = (b: Float32Array) => Float32Array.from([...other, ...b]);
      assert.deepEqual((await run(join(q), join(k), join(v), 2)).slice(whole.length), whole);
      assert.deepEqual(await run(q.slice(-7 * row), k, v, 1), whole.slice(-7 * row));
      const end = 30 * row;
      assert.deepEqual(await run(q.slice(0, end), k.slice(0, end), v.slice(0, end), 1), whole.slice(0, end));
    });
  }

  it("is exact where that is asked for", async () => {
    const inputs = inputsOf({ queries: 20, keys: 30, size: 16 });
    const run = (precision: Precision, exact: boolean) =>
      compute(cuda, inputs, precision, ({ q, k, v }) => attention(q, k, v, { exact }));
    const plain = await run("fp32", false);
    assert.deepEqual(await run("bf16", true), plain);
    assert.notDeepEqual(await run("bf16", false), plain);
  });
});

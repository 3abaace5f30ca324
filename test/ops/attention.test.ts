import assert from "node:assert/strict";
import { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { type AttentionOptions, attention } from "../../lib/graph/ops/index.js";
import { assertClose, Golden, randomFloats } from "../golden.js";
import { permuted } from "./layouts.js";
import { checkGoldenCase, differenceQuotient, evaluate, onEveryVariant } from "./support.js";

interface Case extends AttentionOptions {
  readonly what: string;
  readonly batch: number;
  readonly queries: number;
  readonly keys: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly size: number;
  /** Factor of the random queries; 1 by default. */
  readonly spread?: number;
}

const cases: Case[] = [
  { what: "one query, one key", batch: 1, queries: 1, keys: 1, heads: 1, keyHeads: 1, size: 1 },
  { what: "one causal query", batch: 2, queries: 1, keys: 50, heads: 4, keyHeads: 2, size: 16, causal: true },
  { what: "a block and a bit", batch: 2, queries: 49, keys: 70, heads: 2, keyHeads: 2, size: 5 },
  {
    what: "more keys than queries, causal",
    batch: 1,
    queries: 50,
    keys: 133,
    heads: 3,
    keyHeads: 1,
    size: 20,
    causal: true,
  },
  { what: "a negative scale", batch: 1, queries: 20, keys: 30, heads: 2, keyHeads: 2, size: 8, scale: -0.7 },
  { what: "very sharp weights", batch: 1, queries: 33, keys: 40, heads: 1, keyHeads: 1, size: 32, spread: 40 },
  { what: "an encoder's length", batch: 1, queries: 1500, keys: 1500, heads: 1, keyHeads: 1, size: 64 },
];

function inputsOf({ batch, queries, keys, heads, keyHeads, size, spread = 1 }: Case) {
  const random = (seed: number, ...shape: number[]) => ({
    data: randomFloats(
      shape.reduce((a, b) => a * b),
      seed,
    ),
    shape,
  });
  const q = random(1, batch, queries, heads, size);
  return {
    q: { data: q.data.map((value) => value * spread), shape: q.shape },
    k: random(2, batch, keys, keyHeads, size),
    v: random(3, batch, keys, keyHeads, size),
  };
}

const build =
  (options: AttentionOptions) =>
  ({ q, k, v }: Record<"q" | "k" | "v", Value>) =>
    attention(q, k, v, options);

function dot(a: Float32Array, aStart: number, b: Float32Array, bStart: number, size: number): number {
  let total = 0;
  for (let i = 0; i < size; i++) total += a[aStart + i]! * b[bStart + i]!;
  return total;
}

function addScaled(target: Float64Array, start: number, factor: number, x: Float32Array, xStart: number, size: number) {
  for (let i = 0; i < size; i++) target[start + i]! += factor * x[xStart + i]!;
}

/** The definition, in double precision: y, and the gradients of sum(y * gy). */
function oracle(options: Case, gy: Float32Array) {
  const { q, k, v } = inputsOf(options);
  const { batch, queries, keys, heads, keyHeads, size, scale = 1 / Math.sqrt(size) } = options;
  const zeros = (like: Float32Array) => new Float64Array(like.length);
  const result = { y: zeros(q.data), q: zeros(q.data), k: zeros(k.data), v: zeros(v.data) };
  for (let row = 0; row < batch * queries * heads; row++) {
    const [b, i, h] = [Math.floor(row / heads / queries), Math.floor(row / heads) % queries, row % heads];
    const at = row * size;
    const visible = options.causal ? i + keys - queries + 1 : keys;
    const keyAt = (j: number) => ((b * keys + j) * keyHeads + Math.floor(h / (heads / keyHeads))) * size;
    const scores = Float64Array.from({ length: visible }, (_, j) => scale * dot(q.data, at, k.data, keyAt(j), size));
    const top = scores.reduce((a, b) => Math.max(a, b));
    const exponentials = scores.map((score) => Math.exp(score - top));
    const total = exponentials.reduce((a, b) => a + b);
    const weights = exponentials.map((value) => value / total);
    const slopes = weights.map((_, j) => dot(gy, at, v.data, keyAt(j), size));
    const along = slopes.reduce((sum, slope, j) => sum + slope * weights[j]!, 0);
    for (let j = 0; j < visible; j++) {
      const slope = scale * weights[j]! * (slopes[j]! - along);
      addScaled(result.y, at, weights[j]!, v.data, keyAt(j), size);
      addScaled(result.v, keyAt(j), weights[j]!, gy, at, size);
      addScaled(result.q, at, slope, k.data, keyAt(j), size);
      addScaled(result.k, keyAt(j), slope, q.data, at, size);
    }
  }
  return result;
}

describe("attention", () => {
  let golden: Golden;
  before(async () => {
    golden = await Golden.load("ops");
  });

  const heads = permuted([0, 2, 1, 3]);
  const expected = new Map<Case, ReturnType<typeof oracle>>();

  onEveryVariant((device) => {
    for (const [name, options] of [
      ["attention", {}],
      ["attention_causal", { causal: true }],
      ["attention_gqa_causal", { causal: true }],
    ] as const) {
      it(`${name} agrees with the reference, gradients too`, () =>
        checkGoldenCase(device(), golden, name, ["q", "k", "v"], build(options), {
          q: heads,
          k: heads,
          v: heads,
          y: heads,
        }));
    }

    for (const options of cases) {
      it(`${options.what}: agrees with the definition, gradients too`, async () => {
        const inputs = inputsOf(options);
        const gy = randomFloats(inputs.q.data.length, 4);
        const wanted = expected.get(options) ?? oracle(options, gy);
        expected.set(options, wanted);
        const { y, shape, gradients } = await evaluate(device(), inputs, build(options), gy);
        assert.deepEqual(shape, inputs.q.shape);
        // A score's rounding grows with the score.
        const tolerance = options.spread ? 1e-5 : 3e-6;
        assertClose(y, wanted.y, tolerance, "y");
        for (const name of ["q", "k", "v"] as const) assertClose(gradients[name], wanted[name], tolerance, name);
      });
    }

    it("agrees with differences", async () => {
      const options = { batch: 2, queries: 5, keys: 9, heads: 4, keyHeads: 2, size: 6, causal: true, what: "" };
      const inputs = inputsOf(options);
      const gy = randomFloats(inputs.q.data.length, 5);
      const { gradients } = await evaluate(device(), inputs, build(options), gy);
      for (const [name, index] of [
        ["q", 130],
        ["k", 77],
        ["v", 78],
      ] as const) {
        const quotient = await differenceQuotient(device(), inputs, build(options), gy, name, index);
        assertClose([gradients[name][index]!], [quotient], 1e-3, name);
      }
    });

    it("gives a query the same bits in any batch, and those of the end alone the bits of the whole", async () => {
      const [length, heads, size] = [170, 3, 24];
      const row = heads * size;
      const run = async (q: Float32Array, k: Float32Array, v: Float32Array, batch: number) => {
        const tensor = (data: Float32Array) => ({ data, shape: [batch, data.length / batch / row, heads, size] });
        const inputs = { q: tensor(q), k: tensor(k), v: tensor(v) };
        return (await evaluate(device(), inputs, build({ causal: true }))).y;
      };
      const [q, k, v] = [1, 2, 3].map((seed) => randomFloats(length * row, seed)) as [
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      const other = randomFloats(length * row, 4);
      const whole = await run(q, k, v, 1);
      const join = (b: Float32Array) => Float32Array.from([...other, ...b]);
      assert.deepEqual((await run(join(q), join(k), join(v), 2)).slice(whole.length), whole);
      assert.deepEqual(await run(q.slice(-7 * row), k, v, 1), whole.slice(-7 * row));
      const start = 100 * row;
      assert.deepEqual(await run(q.slice(0, start), k.slice(0, start), v.slice(0, start), 1), whole.slice(0, start));
    });
  });

  it("gives the same bits with any number of threads, gradients too", async () => {
    const options = { batch: 2, queries: 100, keys: 130, heads: 6, keyHeads: 2, size: 20, causal: true, what: "" };
    const inputs = inputsOf(options);
    const gy = randomFloats(inputs.q.data.length, 4);
    const results = [];
    for (const threads of [1, 2, 5]) {
      const device = Device.open("cpu", { threads });
      const { y, gradients } = await evaluate(device, inputs, build(options), gy);
      results.push({ y, ...gradients });
      await device.close();
    }
    assert.deepEqual(results[1], results[0]);
    assert.deepEqual(results[2], results[0]);
  });

  const q = [2, 5, 6, 8];
  const refused: [what: string, k: number[], v: number[], options: AttentionOptions, error: object][] = [
    ["heads that do not divide", [2, 5, 4, 8], [2, 5, 4, 8], {}, { message: /divides the 6 of q, got 4/ }],
    ["another size of head", [2, 5, 6, 4], [2, 5, 6, 4], {}, { message: /size 8, those of q, got \[2, 5, 6, 4\]/ }],
    ["another batch", [1, 5, 6, 8], [1, 5, 6, 8], {}, { message: /batch 2/ }],
    ["v unlike k", [2, 5, 6, 8], [2, 4, 6, 8], {}, { message: /expected v of shape \[2, 5, 6, 8\]/ }],
    ["no keys", [2, 0, 6, 8], [2, 0, 6, 8], {}, { message: /at least 1 keys, got 0/ }],
    [
      "causal with fewer keys than queries",
      [2, 4, 6, 8],
      [2, 4, 6, 8],
      { causal: true },
      { message: /at least 5 keys/ },
    ],
    ["another rank", [2, 5, 8], [2, 5, 8], {}, { message: /expected k of rank 4/ }],
    ["a scale that is no number", [2, 5, 6, 8], [2, 5, 6, 8], { scale: NaN }, { code: "ERR_LMSPT_INVALID_ARGUMENT" }],
    ["a scale of 0", [2, 5, 6, 8], [2, 5, 6, 8], { scale: 0 }, { code: "ERR_LMSPT_INVALID_ARGUMENT" }],
  ];
  for (const [what, k, v, options, error] of refused) {
    it(`refuses ${what}`, () => {
      const graph = new Graph();
      assert.throws(() => attention(graph.input("q", q), graph.input("k", k), graph.input("v", v), options), {
        code: "ERR_LMSPT_SHAPE",
        ...error,
      });
    });
  }
});

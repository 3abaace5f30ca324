/** Rotary positions, attention and its gradient: every tiled head size and one beyond, lengths around a tile's, heads that share keys. */
import { filled, given, givenIntegers, type KernelCase, moderate } from "./cuda-case.js";

interface Geometry {
  readonly batch?: number;
  readonly queries: number;
  readonly keys: number;
  readonly heads?: number;
  readonly keyHeads?: number;
  readonly size: number;
  readonly spread?: number;
  readonly attributes?: KernelCase["attributes"];
}

const causal = { causal: true };

const geometries: readonly Geometry[] = [
  { queries: 1, keys: 1, size: 1 },
  { queries: 0, keys: 3, size: 4 },
  { batch: 0, queries: 2, keys: 3, size: 4 },
  { queries: 3, keys: 5, heads: 4, keyHeads: 2, size: 7 },
  { batch: 2, queries: 1, keys: 130, heads: 2, size: 16, attributes: causal },
  { queries: 17, keys: 64, size: 63 },
  { queries: 64, keys: 65, size: 64 },
  { queries: 65, keys: 65, size: 64, attributes: causal },
  { batch: 2, queries: 9, keys: 70, heads: 3, keyHeads: 1, size: 12, attributes: causal },
  { queries: 5, keys: 9, size: 8, attributes: { scale: -0.7 } },
  { queries: 20, keys: 70, size: 32, spread: 40 },
  { queries: 33, keys: 66, heads: 2, keyHeads: 1, size: 65, attributes: causal },
  { queries: 34, keys: 34, size: 128 },
  { queries: 18, keys: 35, size: 129, attributes: causal },
  { queries: 3, keys: 33, heads: 2, size: 256 },
  { batch: 2, queries: 3, keys: 5, heads: 4, keyHeads: 2, size: 260, attributes: causal },
  { queries: 2, keys: 257, size: 258 },
];

function casesOf({
  batch = 1,
  queries,
  keys,
  heads = 1,
  keyHeads = heads,
  size,
  spread = 1,
  attributes = {},
}: Geometry) {
  const [of, over] = [
    [batch, queries, heads, size],
    [batch, keys, keyHeads, size],
  ];
  const [q, k, v] = [moderate(of, 1, spread), moderate(over, 2), moderate(over, 3)];
  return [
    { op: "attention", inputs: [q, k, v], attributes, tolerance: 3e-6 },
    {
      op: "attention_grad",
      inputs: [q, k, v, moderate(of, 4), moderate(of, 5)],
      attributes,
      tolerance: 1e-5 * Math.max(1, spread),
    },
  ];
}

const special: readonly KernelCase[] = [
  [filled([1, 2, 1, 4], NaN), filled([1, 3, 1, 4], 1)],
  [filled([1, 2, 1, 4], 1), given([1, 3, 1, 4], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, Infinity])],
  [filled([1, 2, 1, 4], 1), filled([1, 3, 1, 4], -Infinity)],
  [filled([1, 2, 1, 4], 1), given([1, 3, 1, 4], [1, 2, 3, -Infinity, 5, 6, 7, 8, -9, -10, -11, -Infinity])],
].map(([q, k]) => ({ op: "attention", inputs: [q!, k!, moderate([1, 3, 1, 4], 1)], attributes: {}, tolerance: 3e-6 }));

const rotations: readonly KernelCase[] = [
  { inputs: [moderate([2, 0, 3, 4], 1)], attributes: {} },
  { inputs: [moderate([2, 7, 3, 10], 2)], attributes: { base: 500 } },
  { inputs: [moderate([2, 7, 3, 10], 2)], attributes: { interleaved: true, inverse: true } },
  { inputs: [moderate([1, 4, 1, 130], 3), givenIntegers([4], [5, -3, 100000, 0])], attributes: {} },
  { inputs: [moderate([2, 2, 1, 2], 4), givenIntegers([2, 2], [5, -3, 7, 0])], attributes: { inverse: true } },
].map((one) => ({ op: "rotary", tolerance: 1e-6, ...one }));

export const attentionCases: readonly KernelCase[] = [...geometries.flatMap(casesOf), ...special, ...rotations];

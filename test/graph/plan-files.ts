/** Plan files of small graphs, and damaged ones made of them. */
import { Graph, type Value } from "../../lib/graph/graph.js";
import * as ops from "../../lib/graph/ops/index.js";
import { Variable } from "../../lib/graph/variable.js";
import { mutate, randomNumbers } from "../data/support.js";
import { randomFloats } from "../golden.js";

type Build = (graph: Graph, input: (shape: readonly number[], dtype?: "f32" | "i32") => Value) => Value;

/** One graph per family of ops, with few weights, so that nearly every byte of its file is structure. */
const builds: readonly Build[] = [
  (_, input) => ops.clamp(ops.gelu(ops.add(input([2, 3, 4]), ops.tanh(input([3, 1])))), -1, 2),
  (_, input) => ops.pad(ops.slice(ops.transpose(input([2, 3, 4]), [2, 0, 1]), 1, 0, 2), 0, 1, 2, "reflect"),
  (_, input) => ops.concat([ops.reshape(input([2, 6]), [3, 4]), ops.broadcastTo(input([1, 4]), [5, 4])], 0),
  (_, input) => ops.mean(ops.max(input([2, 3, 4, 5]), { axes: [1, 2] })),
  (_, input) => ops.linear(ops.matmul(input([2, 3, 4]), input([4, 5])), input([6, 5]), input([6])),
  (_, input) => ops.matmul(input([2, 4, 3]), input([2, 5, 4]), { transposeA: true, transposeB: true }),
  (_, input) => {
    const [x, w] = [input([2, 20, 4]), ops.weightNorm(input([6, 2, 5]), input([6]))];
    const y = ops.conv1d(ops.snake(x, input([4])), w, input([6]), { stride: 2, dilation: 2, groups: 2, padLeft: 3 });
    return ops.convTranspose1d(y, input([6, 2, 4]), input([4]), { stride: 2, groups: 2, padLeft: 1, padRight: 1 });
  },
  (graph, input) => {
    const [x, w] = [input([1, 12, 3]), input([3, 1, 3])];
    return graph.gradients([ops.conv1d(x, w, undefined, { groups: 3, padLeft: 1, padRight: 1 })], [x, w])[1]!;
  },
  (graph, input) => {
    const book = graph.variable(Variable.from(randomFloats(12, 1), [4, 3]));
    return ops.codebookLookup(ops.codebookSearch(ops.l2Normalize(input([5, 3])), book), book);
  },
  (graph, input) => {
    const x = input([1, 6, 5, 2]);
    const w = input([3, 2, 3, 2]);
    return graph.gradients([ops.conv2d(x, w, input([3]), { stride: [2, 1], pad: [1, 1] })], [w])[0]!;
  },
  (graph, input) => {
    const q = input([1, 6, 4, 8]);
    const k = input([1, 6, 2, 8]);
    return graph.gradients([ops.attention(q, k, input([1, 6, 2, 8]), { causal: true })], [q])[0]!;
  },
  (_, input) => ops.softmax(ops.layerNorm(ops.rmsNorm(input([3, 5]), input([5])), input([5]), input([5]))),
  (_, input) => ops.crossEntropy(input([3, 7]), input([3], "i32")),
];

export function smallPlanFiles(): Uint8Array[] {
  return builds.map((build) => {
    const graph = new Graph();
    let inputs = 0;
    return graph.serialize({ y: build(graph, (shape, dtype) => graph.input(`x${inputs++}`, shape, dtype)) });
  });
}

const hostileIntegers = [-1, 0, 1, 2, 3, 7, 16, 33, 1000, 2 ** 20, 2 ** 31, 2 ** 40, 2 ** 62].flatMap((n) => [n, -n]);

/** Where eight bytes may be a dimension or an attribute: small whole numbers. */
function integerFields(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length - 8 }, (_, at) => at).filter((at) => {
    const value = bytes.readBigInt64LE(at);
    return -1000n < value && value < 1000n;
  });
}

/** `count` damaged versions of the small plan files, the same for the same seed: half of them with one wrong integer. */
export function damagedPlanFiles(count: number, seed: number): Uint8Array[] {
  const random = randomNumbers(seed);
  const originals = smallPlanFiles().map((bytes) => Buffer.from(bytes));
  const fields = originals.map(integerFields);
  return Array.from({ length: count }, (_, i) => {
    const which = i % originals.length;
    if (random(2) === 0) return mutate(originals[which]!, random);
    const bytes = Buffer.from(originals[which]!);
    const at = fields[which]![random(fields[which]!.length)]!;
    bytes.writeBigInt64LE(BigInt(hostileIntegers[random(hostileIntegers.length)]!), at);
    return bytes;
  });
}

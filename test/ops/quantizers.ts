/** Residual quantizers as graphs, and plans of them with and without fusion. */
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { codebookLookup, codebookSearch, conv1d, sub } from "../../lib/graph/ops/index.js";
import { randomFloats } from "../golden.js";
import { sizeOf } from "./oracles.js";

export interface RecordedStage {
  readonly code: Value;
  readonly part: Value;
  readonly residual: Value;
}

/**
 * Stages with codebooks of so many codes, whose weights are inputs of the graph. The second stage reads what the first
 * leaves of `base`, or of x.
 */
export function recordQuantizer(
  graph: Graph,
  x: Value,
  sizes: readonly number[],
  base?: Value | ((code: Value) => Value),
  features = 8,
): RecordedStage[] {
  const latent = x.dim(2);
  let residual = x;
  return sizes.map((size, i) => {
    const input = (name: string, ...shape: number[]) => graph.input(`${name}${i}`, shape);
    const book = input("book", size, features);
    const [w, b] = [input("w", features, latent, 1), input("b", features)];
    const code = codebookSearch(conv1d(residual, w, b, { exact: true }), book);
    const [v, c] = [input("v", latent, features, 1), input("c", latent)];
    const part = conv1d(codebookLookup(code, book), v, c, { exact: true });
    const from = i > 0 || base === undefined ? residual : typeof base === "function" ? base(code) : base;
    residual = sub(from, part);
    return { code, part, residual };
  });
}

type Build = (graph: Graph) => Record<string, Value>;

/** Ops (but those that pack weights) and outputs of a plan on random inputs, without fusion and with it. */
export async function traceBothWays(device: Device, build: Build, given: Readonly<Record<string, Float32Array>> = {}) {
  const before = process.env.LMSPT_FUSION;
  const trace = async (fusion: "0" | "1") => {
    process.env.LMSPT_FUSION = fusion;
    const graph = new Graph();
    const plan = await graph.compile(device, build(graph));
    const inputs = plan.inputs.map(({ name, shape }, i) => [name, given[name] ?? randomFloats(sizeOf(shape), i + 1)]);
    const { steps, outputs } = await plan.trace(Object.fromEntries(inputs));
    return { ops: steps.map(({ op }) => op).filter((op) => !op.startsWith("pack_")), outputs };
  };
  try {
    return { plain: await trace("0"), fused: await trace("1") };
  } finally {
    if (before === undefined) delete process.env.LMSPT_FUSION;
    else process.env.LMSPT_FUSION = before;
  }
}

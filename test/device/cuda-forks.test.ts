/** Runs of steps that need nothing of each other, which plans for CUDA compute at the same time, with the bits of one after the other. */
import assert from "node:assert/strict";
import { Graph, type Value } from "../../lib/graph/graph.js";
import type { Data } from "../../lib/graph/native.js";
import * as ops from "../../lib/graph/ops/index.js";
import { Variable } from "../../lib/graph/variable.js";
import { loadModel } from "../../lib/models/load.js";
import { randomFloats } from "../golden.js";
import { sizeOf } from "../ops/oracles.js";
import { openCuda, withEnvironment } from "./cuda-device.js";

const CHANNELS = 20;
const ROWS = 60;

const constant = (graph: Graph, seed: number, ...shape: number[]) =>
  graph.variable(Variable.from(randomFloats(sizeOf(shape), seed), shape));

/** A few convolutions whose values come and go. */
function encoder(x: Value, seed: number, layers = 4): Value {
  let y = x;
  for (let i = 0; i < layers; i++) {
    const w = constant(x.graph, seed + 3 * i, CHANNELS, y.dim(2), 3);
    const alpha = constant(x.graph, seed + 3 * i + 1, CHANNELS);
    y = ops.tanh(ops.snake(ops.conv1d(y, w, undefined, { padLeft: 1, padRight: 1 }), ops.exp(alpha)));
  }
  return ops.add(y, ops.conv1d(x, constant(x.graph, seed + 2, CHANNELS, x.dim(2), 1)));
}

const input = (graph: Graph) => ops.neg(graph.input("x", [2, ROWS, 4]));

/** By name, with whether there is something to compute at the same time. */
const graphs: readonly (readonly [name: string, forks: boolean, build: (graph: Graph) => Value])[] = [
  [
    "two encoders",
    true,
    (graph) => {
      const x = input(graph);
      return ops.concat([encoder(x, 10), encoder(x, 50)], 2);
    },
  ],
  [
    "two encoders in two parts",
    true,
    (graph) => {
      const x = input(graph);
      const middle = ops.concat([encoder(x, 10), encoder(x, 50)], 2);
      const halves = [0, 1].map((i) => encoder(ops.slice(middle, 2, i * CHANNELS, CHANNELS), 90 + 40 * i));
      return ops.mul(...(halves as [Value, Value]));
    },
  ],
  [
    "encoders of different lengths, and what follows one of them",
    true,
    (graph) => {
      const x = input(graph);
      const long = encoder(encoder(x, 10, 6), 30);
      const short = encoder(x, 50, 3);
      return ops.add(encoder(long, 70), short);
    },
  ],
  ["one after the other", false, (graph) => encoder(encoder(input(graph), 10), 50)],
];

describe("forks on CUDA", () => {
  async function run(build: (graph: Graph) => Value, setting: "0" | "1") {
    const graph = new Graph();
    const device = openCuda();
    try {
      const y = build(graph);
      const plan = await withEnvironment({ LMSPT_CUDA_FORKS: setting }, () => graph.compile(device, { y }));
      const results: Data[] = [];
      const size = sizeOf(plan.inputs[0]!.shape);
      for (let i = 0; i < 4; i++) results.push((await plan.run({ x: randomFloats(size, i) })).y!);
      const { memory } = plan;
      plan.close();
      return { results, memory };
    } finally {
      graph.close();
      await device.close();
    }
  }

  for (const [name, forks, build] of graphs) {
    it(`${name}: launched, captured and replayed, with the same bits`, async () => {
      const [alone, together] = [await run(build, "0"), await run(build, "1")];
      assert.deepEqual(together.results, alone.results);
      // What lives at a time shares no memory.
      assert.equal(together.memory > alone.memory, forks, `${together.memory}, ${alone.memory}`);
    });
  }

  it("are the encoders of a tokenizer", async () => {
    const { model } = await loadModel("random:1:tiny");
    const build = (graph: Graph) => model.encodeBack(model.encodeFront(graph.input("x", [1, 3000, 1])));
    const [alone, together] = [await run(build, "0"), await run(build, "1")];
    assert.deepEqual(together.results, alone.results);
    assert(together.memory > alone.memory && together.memory < 2 * alone.memory);
  });
});

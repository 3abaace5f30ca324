import assert from "node:assert/strict";
import fc from "fast-check";
import { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import * as ops from "../../lib/graph/ops/index.js";
import { randomFloats } from "../golden.js";

const [rows, channels] = [12, 8];

/** An operation on earlier values of shape (1, rows, channels); `a` and `b` pick its inputs. */
interface Choice {
  readonly kind: number;
  readonly a: number;
  readonly b: number;
}

const kinds: ((a: Value, b: Value) => Value)[] = [
  (a, b) => ops.add(a, b),
  (a, b) => ops.mul(a, b),
  (a) => ops.tanh(a),
  (a) => ops.neg(a),
  (a, b) => ops.snake(a, ops.mean(ops.abs(b), { axes: [0, 1] })),
  (a) => ops.reshape(ops.transpose(ops.reshape(a, [rows, channels]), [1, 0]), [1, rows, channels]),
  (a, b) => ops.concat([ops.slice(a, 1, 0, 5), ops.slice(b, 1, 5, rows - 5)], 1),
  (a, b) => ops.matmul(a, ops.slice(ops.reshape(b, [rows, channels]), 0, 2, channels)),
  (a, b) => ops.conv1d(a, ops.reshape(ops.slice(b, 1, 0, channels), [channels, channels, 1])),
  (a, b) => ops.add(a, ops.sum(b, { axes: [1], keep: true })),
  (a) => ops.stopGradient(a),
];

function record(graph: Graph, choices: readonly Choice[]): Value[] {
  const shape = [1, rows, channels];
  const values = [
    graph.input("x", shape),
    graph.input("y", shape),
    graph.constant(randomFloats(rows * channels, 3), shape),
  ];
  for (const { kind, a, b } of choices) {
    // Squashed, so that no chain of products leaves the range of numbers.
    values.push(ops.tanh(kinds[kind % kinds.length]!(values[a % values.length]!, values[b % values.length]!)));
  }
  return values;
}

describe("memory plan", () => {
  let device: Device;
  before(() => {
    device = Device.open("cpu", { threads: 1 });
  });
  after(() => device.close());

  it("keeps no more of a chain than what is alive", async () => {
    const graph = new Graph();
    let value = graph.input("x", [250_000]);
    for (let i = 0; i < 50; i++) value = ops.tanh(value);
    const plan = await graph.compile(device, { value });
    assert.equal(plan.memory, 2 * 1_000_000, "two values of a million bytes take turns");
  });

  it("keeps what is read late", async () => {
    const graph = new Graph();
    const x = graph.input("x", [1000]);
    const early = ops.neg(x);
    let value = x;
    for (let i = 0; i < 20; i++) value = ops.affine(value, 0.5, 1);
    const plan = await graph.compile(device, { y: ops.add(value, early) });
    const { y } = await plan.run({ x: new Float32Array(1000).fill(3) });
    const expected = Array.from({ length: 20 }).reduce((v: number) => Math.fround(v * 0.5 + 1), 3) - 3;
    assert.deepEqual(y, new Float32Array(1000).fill(expected));
    assert(plan.memory <= 3 * 4032 + 64);
  });

  it("never lets a value be overwritten while it is needed, in any graph", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ kind: fc.nat(), a: fc.nat(), b: fc.nat() }), { minLength: 1, maxLength: 25 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
        async (choices, wanted) => {
          const graph = new Graph();
          const values = record(graph, choices);
          const inputs = { x: randomFloats(rows * channels, 1), y: randomFloats(rows * channels, 2) };
          const evaluate = async (outputs: Record<string, Value>) => {
            const plan = await graph.compile(device, outputs);
            const given = plan.inputs.map(({ name }) => [name, inputs[name as "x" | "y"]]);
            return { plan, results: await plan.run(Object.fromEntries(given)) };
          };
          // With every value an output, each lives to the end in memory of its own.
          const all = await evaluate(Object.fromEntries(values.map((value, i) => [`v${i}`, value])));
          const picked = wanted.map((i) => i % values.length);
          const some = await evaluate(Object.fromEntries(picked.map((i) => [`v${i}`, values[i]!])));
          for (const i of picked) assert.deepEqual(some.results[`v${i}`], all.results[`v${i}`]);
          assert(some.plan.memory <= all.plan.memory);
        },
      ),
      { numRuns: 300 },
    ));
});

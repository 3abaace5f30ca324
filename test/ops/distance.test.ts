import assert from "node:assert/strict";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { abs, l1Distance, mean, stopGradient, sub } from "../../lib/graph/ops/index.js";
import { worstError } from "./oracles.js";
import { evaluate, onEveryVariant, randomTensor } from "./support.js";

describe("distance", () => {
  onEveryVariant((device) => {
    for (const shape of [[], [3], [2, 17], [5, 7, 11, 131], [40000]]) {
      it(`the L1 distance of [${shape}] is the mean of |a - b|, gradients too`, async () => {
        const inputs = { a: randomTensor(shape, 1), b: randomTensor(shape, 2) };
        inputs.b.data.set(inputs.a.data.subarray(0, Math.floor(inputs.a.data.length / 3)));
        const gy = Float32Array.of(1.5);
        const { y, gradients, shape: of } = await evaluate(device(), inputs, ({ a, b }) => l1Distance(a, b), gy);
        const count = inputs.a.data.length;
        const differences = Float64Array.from(inputs.a.data, (value, i) => value - inputs.b.data[i]!);
        const expected = differences.reduce((sum, value) => sum + Math.abs(value), 0) / count;
        assert.deepEqual(of, []);
        assert(worstError(y, [expected], 0) <= 1e-6, `${y} instead of ${expected}`);
        const slopes = differences.map((value) => (Math.sign(value) * 1.5) / count);
        assert(worstError(gradients.a, slopes, 0) <= 1e-6);
        assert(
          worstError(
            gradients.b,
            slopes.map((slope) => -slope),
            0,
          ) <= 1e-6,
        );
      });
    }

    it("the L1 distance equals its composition where numbers are none, gradient too", async () => {
      const special = [NaN, Infinity, -Infinity, 0, -0, 1e-40, 2];
      const pairs = special.flatMap((a) => special.map((b) => [a, b] as const));
      for (const [a, b] of pairs) {
        const inputs = {
          a: { data: Float32Array.of(a, 1), shape: [2] },
          b: { data: Float32Array.of(b, 3), shape: [2] },
        };
        const run = (build: (a: Value, b: Value) => Value) =>
          evaluate(device(), inputs, ({ a, b }) => build(a, stopGradient(b)), Float32Array.of(2));
        const fused = await run(l1Distance);
        const composed = await run((a, b) => mean(abs(sub(a, b))));
        assert.deepEqual(Array.from(fused.y), Array.from(composed.y), `${a}, ${b}`);
        assert.deepEqual(fused.gradients.a.map(Math.abs), composed.gradients.a.map(Math.abs), `${a}, ${b}`);
      }
    });
  });

  it("refuses tensors of different shapes", () => {
    const graph = new Graph();
    const [a, b] = [graph.input("a", [2, 3]), graph.input("b", [3])];
    assert.throws(() => l1Distance(a, b), { code: "ERR_LMSPT_SHAPE" });
  });
});

import assert from "node:assert/strict";
import { Graph } from "../../lib/graph/graph.js";
import { weightNorm } from "../../lib/graph/ops/index.js";
import { randomFloats } from "../golden.js";
import { worstError } from "./oracles.js";
import { evaluate, onEveryVariant } from "./support.js";

const [rows, size] = [13, 35];

/** w and the gradients of sum(w gy), from the formula. */
function oracle(v: Float32Array, g: Float32Array, gy: Float32Array) {
  const [w, gv, gg] = [new Float64Array(v.length), new Float64Array(v.length), new Float64Array(g.length)];
  for (let row = 0; row < rows; row++) {
    const at = (i: number) => row * size + i;
    const indices = Array.from({ length: size }, (_, i) => at(i));
    const norm = Math.hypot(...indices.map((i) => v[i]!));
    const along = indices.reduce((total, i) => total + gy[i]! * v[i]!, 0);
    gg[row] = along / norm;
    for (const i of indices) {
      w[i] = (g[row]! * v[i]!) / norm;
      gv[i] = (g[row]! / norm) * (gy[i]! - (v[i]! * along) / norm ** 2);
    }
  }
  return { w, gv, gg };
}

// Reference vectors come through it too: the causal cases of conv1d.test.ts.
describe("weight_norm", () => {
  onEveryVariant((device) => {
    for (const [name, gShape] of [
      ["(N, 1, 1)", [rows, 1, 1]],
      ["(N)", [rows]],
    ] as const) {
      it(`agrees with the formula for g ${name}, gradients too`, async () => {
        const [v, g] = [randomFloats(rows * size, 1), randomFloats(rows, 2)];
        const gy = randomFloats(v.length, 3);
        const inputs = { v: { data: v, shape: [rows, 5, 7] }, g: { data: g, shape: gShape } };
        const { y, shape, gradients } = await evaluate(device(), inputs, ({ v, g }) => weightNorm(v, g), gy);
        const expected = oracle(v, g, gy);
        assert.deepEqual(shape, [rows, 5, 7]);
        assert(worstError(y, expected.w, 1e-3) <= 1e-6);
        assert(worstError(gradients.v, expected.gv, 1e-2) <= 1e-6);
        assert(worstError(gradients.g, expected.gg, 1e-2) <= 1e-6);
      });
    }

    it("does not lose rows that are tiny or huge", async () => {
      const v = Float32Array.from([1e-30, -1e-30, 1e-30, 3e30, 3e30, -3e30]);
      const inputs = { v: { data: v, shape: [2, 3] }, g: { data: Float32Array.of(2, 2), shape: [2] } };
      const { y } = await evaluate(device(), inputs, ({ v, g }) => weightNorm(v, g));
      const part = 2 / Math.sqrt(3);
      assert(worstError(y, [part, -part, part, part, part, -part], 0) <= 1e-7);
    });
  });

  it("names what g must hold", () => {
    const graph = new Graph();
    assert.throws(() => weightNorm(graph.input("v", [4, 3, 2]), graph.input("g", [3])), {
      code: "ERR_LMSPT_SHAPE",
      message: "[weight_norm] expected g with 4 values along its first dimension, got [3]",
    });
    assert.throws(() => weightNorm(graph.input("flat", [4]), graph.input("g4", [4])), {
      code: "ERR_LMSPT_SHAPE",
      message: /v of at least two dimensions/,
    });
  });
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { Graph } from "../../lib/graph/graph.js";
import * as ops from "../../lib/graph/ops/index.js";
import { randomFloats } from "../golden.js";
import { forEachIndex, offsetOf, sizeOf, worstError } from "./oracles.js";
import { evaluate, onEveryVariant } from "./support.js";

const shapeAndAxes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }).chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    axes: fc.subarray(
      shape.map((_, i) => i),
      { minLength: 1 },
    ),
    keep: fc.boolean(),
  }),
);

/** All x that fall into one element of the result. */
function groups(x: Float32Array, shape: readonly number[], axes: readonly number[]): number[][] {
  const kept = shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  const result: number[][] = Array.from({ length: sizeOf(kept) }, () => []);
  forEachIndex(shape, (index, at) => {
    result[
      offsetOf(
        index.map((i, axis) => (axes.includes(axis) ? 0 : i)),
        kept,
      )
    ]!.push(at);
  });
  assert.equal(x.length, sizeOf(shape));
  return result;
}

const total = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

describe("reduce", () => {
  onEveryVariant((device) => {
    const oracles = {
      sum: { build: ops.sum, value: total, derivative: () => 1 },
      mean: { build: ops.mean, value: (v: number[]) => total(v) / v.length, derivative: (v: number[]) => 1 / v.length },
      max: {
        build: ops.max,
        value: (v: number[]) => Math.max(...v),
        derivative: (v: number[], i: number) =>
          v[i] === Math.max(...v) ? 1 / v.filter((one) => one === Math.max(...v)).length : 0,
      },
    };
    for (const [name, { build, value, derivative }] of Object.entries(oracles)) {
      it(`${name} of any dimensions agrees with plain loops, gradient too`, () =>
        fc.assert(
          fc.asyncProperty(shapeAndAxes, async ({ shape, axes, keep }) => {
            // Coarse steps make equal maxima likely; only neighbouring dimensions share a gradient among them evenly.
            const neighbours = axes.at(-1)! - axes[0]! === axes.length - 1;
            const x = randomFloats(sizeOf(shape), 7).map((v) => (neighbours ? Math.round(v * 4) / 4 : v));
            const members = groups(x, shape, axes);
            const gy = randomFloats(members.length, 8);
            const build_ = ({ x }: Record<"x", Parameters<typeof build>[0]>) =>
              build(x, { axes: axes.map((axis, i) => (i % 2 ? axis : axis - shape.length)), keep });
            const result = await evaluate(device(), { x: { data: x, shape } }, build_, gy);
            const expected = members.map((group) => value(group.map((i) => x[i]!)));
            const gx = new Float64Array(x.length);
            for (const [g, group] of members.entries()) {
              const values = group.map((i) => x[i]!);
              for (const [k, i] of group.entries()) gx[i] = gy[g]! * derivative(values, k);
            }
            assert.deepEqual(
              result.shape,
              shape.flatMap((dim, i) => (axes.includes(i) ? (keep ? [1] : []) : [dim])),
            );
            // Axes that are no neighbours are reduced one after the other, each result rounded.
            assert(worstError(result.y, expected, 1) <= 1e-6);
            assert(worstError(result.gradients.x, gx, 1) <= 2e-7);
          }),
          { numRuns: 50 },
        ));
    }

    // Measured: 5.6e-8, the rounding of the result; plain loops in single precision are 7e-6 off.
    for (const [name, shape, axis] of [
      ["along the last dimension", [1, 1_000_003], 1],
      ["over rows", [250_007, 4], 0],
      ["over rows of many columns", [1000, 1007], 0],
    ] as const) {
      it(`sum and mean of a million values ${name} are within 1.2e-7 of double precision`, async () => {
        const x = Float32Array.from(randomFloats(shape[0] * shape[1], 3), (value) => value + 1.1);
        const members = groups(x, shape, [axis]);
        const sums = members.map((group) => group.reduce((a, i) => a + x[i]!, 0));
        for (const [build, expected] of [
          [ops.sum, sums],
          [ops.mean, sums.map((sum, g) => sum / members[g]!.length)],
        ] as const) {
          const { y } = await evaluate(device(), { x: { data: x, shape } }, ({ x }) => build(x, { axes: [axis] }));
          const error = worstError(y, expected, 0);
          assert(error <= 1.2e-7, `${error}`);
        }
      });
    }

    it("a sum has the same bits in any batch", async () => {
      const x = randomFloats(3 * 1213, 5);
      const run = async (data: Float32Array, rows: number) =>
        (await evaluate(device(), { x: { data, shape: [rows, 1213] } }, ({ x }) => ops.sum(x, { axes: [1] }))).y;
      const whole = await run(x, 3);
      assert.deepEqual(await run(x.slice(1213, 2426), 1), whole.slice(1, 2));
    });

    it("what is not a number reaches the result", async () => {
      const rows: [number[], number, number][] = [
        [[NaN, 1, 2], NaN, NaN],
        [[1, NaN, 2], NaN, NaN],
        [[1, 2, NaN], NaN, NaN],
        [[1, Infinity, 2], Infinity, Infinity],
        [[-Infinity, -Infinity, -Infinity], -Infinity, -Infinity],
      ];
      const inputs = { x: { data: Float32Array.from(rows.flatMap(([values]) => values)), shape: [rows.length, 3] } };
      for (const axes of [[1], [0]]) {
        const oriented =
          axes[0] === 1
            ? (x: Parameters<typeof ops.sum>[0]) => x
            : (x: Parameters<typeof ops.sum>[0]) => ops.transpose(x, [1, 0]);
        const sums = await evaluate(device(), inputs, ({ x }) => ops.sum(oriented(x), { axes }));
        const maxima = await evaluate(device(), inputs, ({ x }) => ops.max(oriented(x), { axes }));
        assert.deepEqual(
          [...sums.y],
          rows.map(([, sum]) => sum),
        );
        assert.deepEqual(
          [...maxima.y],
          rows.map(([, , max]) => max),
        );
      }
    });

    it("the sum of nothing is zero, the maximum of nothing minus infinity", async () => {
      const inputs = { x: { data: new Float32Array(0), shape: [2, 0, 3] } };
      const run = async (build: typeof ops.sum) =>
        (await evaluate(device(), inputs, ({ x }) => build(x, { axes: [1] }))).y;
      assert.deepEqual([...(await run(ops.sum))], [0, 0, 0, 0, 0, 0]);
      assert.deepEqual(new Set(await run(ops.max)), new Set([-Infinity]));
    });
  });

  it("refuses integers and dimensions that are not there", () => {
    const graph = new Graph();
    assert.throws(() => ops.sum(graph.input("i", [2], "i32")), { code: "ERR_LMSPT_SHAPE", message: /x of type f32/ });
    const x = graph.input("x", [2, 3]);
    for (const [first, last] of [
      [0, 2],
      [1, 0],
      [-1, 1],
    ]) {
      assert.throws(() => graph.apply("sum", [x], { first, last }), {
        code: "ERR_LMSPT_SHAPE",
        message: /\[sum\] expected dimensions 0 <= first <= last < 2/,
      });
    }
  });
});

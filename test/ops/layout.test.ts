import assert from "node:assert/strict";
import fc from "fast-check";
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import * as ops from "../../lib/graph/ops/index.js";
import { randomFloats } from "../golden.js";
import { broadcastOffset, forEachIndex, offsetOf, sizeOf } from "./oracles.js";
import { evaluate, onEveryVariant } from "./support.js";

/** Where an element of the result comes from: an index into x, or nowhere (a zero). */
type SourceOf = (index: readonly number[]) => readonly number[] | undefined;

interface Move {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly build: (x: Value) => Value;
  readonly source: SourceOf;
}

/** The result and, as the layout ops are linear, the gradient by sending every element back. */
async function checkMove(device: Device, { x, y, build, source }: Move): Promise<void> {
  const data = randomFloats(sizeOf(x), 1);
  const gy = randomFloats(sizeOf(y), 2);
  const expected = new Float32Array(sizeOf(y));
  const gx = new Float64Array(sizeOf(x));
  forEachIndex(y, (index, at) => {
    const from = source(index);
    if (!from) return;
    expected[at] = data[offsetOf(from, x)]!;
    gx[offsetOf(from, x)]! += gy[at]!;
  });
  const result = await evaluate(device, { x: { data, shape: x } }, ({ x }) => build(x), gy);
  assert.deepEqual(result.shape, y);
  assert.deepEqual(result.y, expected);
  const gradient = result.gradients.x;
  for (let i = 0; i < gx.length; i++) assert(Math.abs(gradient[i]! - gx[i]!) <= 1e-5, `gradient at ${i}`);
}

const shapes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 6 });
const shapeAndAxis = shapes.chain((x) => fc.record({ x: fc.constant(x), axis: fc.nat({ max: x.length - 1 }) }));
const runs = { numRuns: 50 };

const replace = (shape: readonly number[], axis: number, dim: number) => shape.map((d, i) => (i === axis ? dim : d));
const shift = (index: readonly number[], axis: number, by: number) => replace(index, axis, index[axis]! + by);

describe("layout", () => {
  onEveryVariant((device) => {
    it("transpose moves every element of any shape and order, gradient too", () =>
      fc.assert(
        fc.asyncProperty(
          shapes.chain((x) =>
            fc.record({
              x: fc.constant(x),
              order: fc.shuffledSubarray(
                x.map((_, i) => i),
                { minLength: x.length },
              ),
            }),
          ),
          ({ x, order }) =>
            checkMove(device(), {
              x,
              y: order.map((axis) => x[axis]!),
              build: (x) => ops.transpose(x, order),
              source: (index) => x.map((_, axis) => index[order.indexOf(axis)]!),
            }),
        ),
        runs,
      ));

    it("transpose moves large matrices", () =>
      checkMove(device(), {
        x: [3, 211, 97],
        y: [97, 3, 211],
        build: (x) => ops.transpose(x, [2, 0, 1]),
        source: ([c, a, b]) => [a!, b!, c!],
      }));

    it("slice takes any range of any axis, gradient too", () =>
      fc.assert(
        fc.asyncProperty(shapeAndAxis, fc.nat(), fc.nat(), ({ x, axis }, s, l) => {
          const start = s % (x[axis]! + 1);
          const length = l % (x[axis]! - start + 1);
          return checkMove(device(), {
            x,
            y: replace(x, axis, length),
            build: (x) => ops.slice(x, axis - x.shape.length, start, length),
            source: (index) => shift(index, axis, start),
          });
        }),
        runs,
      ));

    it("pad adds zeros along any axis, gradient too", () =>
      fc.assert(
        fc.asyncProperty(shapeAndAxis, fc.nat({ max: 4 }), fc.nat({ max: 4 }), ({ x, axis }, before, after) =>
          checkMove(device(), {
            x,
            y: replace(x, axis, x[axis]! + before + after),
            build: (x) => ops.pad(x, axis, before, after),
            source: (index) => {
              const at = index[axis]! - before;
              return at >= 0 && at < x[axis]! ? replace(index, axis, at) : undefined;
            },
          }),
        ),
        runs,
      ));

    it("pad mirrors at the border along any axis, gradient too", () =>
      fc.assert(
        fc.asyncProperty(shapeAndAxis, fc.nat(), fc.nat(), ({ x, axis }, b, a) => {
          const [before, after] = [b % x[axis]!, a % x[axis]!];
          const mirrored = (i: number) => (i < 0 ? -i : i >= x[axis]! ? 2 * (x[axis]! - 1) - i : i);
          return checkMove(device(), {
            x,
            y: replace(x, axis, x[axis]! + before + after),
            build: (x) => ops.pad(x, axis, before, after, "reflect"),
            source: (index) => replace(index, axis, mirrored(index[axis]! - before)),
          });
        }),
        runs,
      ));

    it("broadcast_to repeats dimensions of 1 and missing ones, gradient too", () =>
      fc.assert(
        fc.asyncProperty(shapes, fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }), fc.nat(), (y, ones, s) => {
          const x = y.map((dim, i) => (ones[i] ? 1 : dim)).slice(s % (y.length + 1));
          return checkMove(device(), {
            x,
            y,
            build: (x) => ops.broadcastTo(x, y),
            source: (index) => indexOf(broadcastOffset(index, x), x),
          });
        }),
        runs,
      ));

    it("concat joins along any axis, gradients too", () =>
      fc.assert(
        fc.asyncProperty(
          shapeAndAxis,
          fc.array(fc.nat({ max: 4 }), { minLength: 1, maxLength: 5 }),
          async ({ x, axis }, lengths) => {
            const parts = lengths.map((length, i) => {
              const shape = replace(x, axis, length);
              return { data: randomFloats(sizeOf(shape), i + 1), shape };
            });
            const total = lengths.reduce((a, b) => a + b, 0);
            const shape = replace(x, axis, total);
            const gy = randomFloats(sizeOf(shape), 99);
            const inputs = Object.fromEntries(parts.map((part, i) => [`p${i}`, part]));
            const result = await evaluate(device(), inputs, (values) => ops.concat(Object.values(values), axis), gy);
            assert.deepEqual(result.shape, shape);
            let start = 0;
            for (const [i, part] of parts.entries()) {
              forEachIndex(part.shape, (index, at) => {
                const target = offsetOf(shift(index, axis, start), shape);
                assert.equal(result.y[target], part.data[at]);
                assert.equal(result.gradients[`p${i}`]![at], gy[target]);
              });
              start += lengths[i]!;
            }
          },
        ),
        runs,
      ));

    it("moves integers as they are", async () => {
      const data = Int32Array.from({ length: 24 }, (_, i) => i * 100_000_007);
      const inputs = { x: { data, shape: [2, 3, 4] } };
      const { y, shape } = await evaluate(device(), inputs, ({ x }) =>
        ops.concat(
          [
            ops.slice(ops.transpose(x, [0, 2, 1]), 1, 1, 2),
            ops.pad(ops.slice(ops.reshape(x, [2, 4, 3]), 1, 0, 1), 1, 1, 0),
          ],
          1,
        ),
      );
      assert.deepEqual(shape, [2, 4, 3]);
      assert(y instanceof Int32Array);
      const at = (b: number, c: number, t: number) => data[b * 12 + c * 4 + t]!;
      assert.deepEqual(
        [...y.slice(0, 6)],
        [at(0, 0, 1), at(0, 1, 1), at(0, 2, 1), at(0, 0, 2), at(0, 1, 2), at(0, 2, 2)],
      );
      assert.deepEqual([...y.slice(6, 12)], [0, 0, 0, data[0], data[1], data[2]]);
    });

    it("reshape keeps the order of elements and costs no memory, gradient too", async () => {
      const x = { data: randomFloats(60, 1), shape: [3, 4, 5] };
      const { y, shape, gradients } = await evaluate(
        device(),
        { x },
        ({ x }) => ops.reshape(x, [2, 30]),
        randomFloats(60, 2),
      );
      assert.deepEqual([shape, y, gradients.x], [[2, 30], x.data, randomFloats(60, 2)]);
    });

    it("stop_gradient passes the value and no gradient", async () => {
      const x = { data: randomFloats(8, 1), shape: [8] };
      const build = ({ x }: { x: Value }) => ops.mul(x, ops.stopGradient(x));
      const { y, gradients } = await evaluate(device(), { x }, build, new Float32Array(8).fill(1));
      assert.deepEqual(
        y,
        x.data.map((value) => value * value),
      );
      assert.deepEqual(gradients.x, x.data);
    });
  });

  it("refuses what does not fit, saying what would", () => {
    const graph = new Graph();
    const x = graph.input("x", [2, 3, 4]);
    const refused: [() => Value, RegExp][] = [
      [() => ops.reshape(x, [5, 5]), /\[reshape\] expected a shape of 24 elements, got \[5, 5\]/],
      [() => ops.reshape(x, [-4, -6]), /\[reshape\] expected a shape of 24 elements/],
      [() => ops.reshape(x, [1, 1, 1, 1, 1, 1, 24]), /at most 6 dimensions/],
      [() => ops.transpose(x, [0, 1, 1]), /\[transpose\] expected order to be a permutation of the 3 dimensions/],
      [() => ops.slice(x, 1, 2, 2), /\[slice\] expected a range inside \[0, 3\), got 2 from 2/],
      [
        () => graph.apply("slice", [x], { axis: 3, start: 0, length: 1 })[0]!,
        /\[slice\] expected an axis from 0 to 2, got 3/,
      ],
      [
        () => ops.concat([x, graph.input("y", [2, 3, 5])], 1),
        /\[concat\] expected inputs that differ along axis 1 only/,
      ],
      [() => ops.pad(x, 1, 3, 0, "reflect"), /\[pad\] expected reflection of fewer than 3 elements, got 3 and 0/],
      [() => ops.pad(x, 1, -1, 0), /\[pad\] expected padding of at least 0/],
      [() => ops.broadcastTo(x, [2, 3, 5]), /\[broadcast_to\] expected a shape that \[2, 3, 4\] broadcasts to/],
    ];
    for (const [build, message] of refused) assert.throws(build, { code: "ERR_LMSPT_SHAPE", message });
  });
});

function indexOf(offset: number, shape: readonly number[]): number[] {
  let rest = offset;
  return [...shape]
    .reverse()
    .map((dim) => {
      const i = rest % dim;
      rest = Math.floor(rest / dim);
      return i;
    })
    .reverse();
}

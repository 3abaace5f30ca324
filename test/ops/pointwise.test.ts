import assert from "node:assert/strict";
import fc from "fast-check";
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import * as ops from "../../lib/graph/ops/index.js";
import { assertClose, Golden, randomFloats } from "../golden.js";
import {
  broadcastOffset,
  broadcastShape,
  erf,
  forEachIndex,
  sizeOf,
  spread,
  spreadLogarithmic,
  worstError,
} from "./oracles.js";
import { checkGoldenCase, evaluate, onEveryVariant } from "./support.js";

const logistic = (x: number) => 1 / (1 + Math.exp(-x));
const density = (x: number) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const normal = (x: number) => (1 + erf(x / Math.SQRT2)) / 2;
const [lower, upper] = [Math.fround(-0.7), Math.fround(0.9)];
const slope = Math.fround(0.1);

interface Unary {
  readonly build: (x: Value) => Value;
  readonly value: (x: number) => number;
  readonly derivative: (x: number) => number;
  /** Where it is compared with double precision. */
  readonly range: readonly [number, number];
  /** Allowed error relative to max(|expected|, 1). The worst measured, value and gradient: see below. */
  readonly tolerance: number;
}

// Measured on the worst variant, value then gradient: exp 6.0e-7, 6.3e-7 (7e-8 below 88.3), log 5.6e-8, 3.1e-8,
// tanh 7.1e-8, 9.7e-8, sigmoid 8.5e-8, 7.4e-8, silu 1.2e-7, 9.3e-7, gelu 2.6e-7, 2.1e-7, affine 6.6e-8 (not fused).
const exact = 6.1e-8; // one rounding
const unary: Record<string, Unary> = {
  neg: { build: ops.neg, value: (x) => -x, derivative: () => -1, range: [-50, 50], tolerance: 0 },
  abs: { build: ops.abs, value: Math.abs, derivative: Math.sign, range: [-50, 50], tolerance: 0 },
  sign: { build: ops.sign, value: Math.sign, derivative: () => 0, range: [-50, 50], tolerance: 0 },
  square: { build: ops.square, value: (x) => x * x, derivative: (x) => 2 * x, range: [-50, 50], tolerance: exact },
  sqrt: {
    build: ops.sqrt,
    value: Math.sqrt,
    derivative: (x) => 0.5 / Math.sqrt(x),
    range: [1e-3, 1e6],
    tolerance: exact,
  },
  exp: { build: ops.exp, value: Math.exp, derivative: Math.exp, range: [-87, 88.7], tolerance: 8e-7 },
  log: { build: ops.log, value: Math.log, derivative: (x) => 1 / x, range: [1e-3, 1e6], tolerance: 1.2e-7 },
  tanh: {
    build: ops.tanh,
    value: Math.tanh,
    derivative: (x) => 1 - Math.tanh(x) ** 2,
    range: [-20, 20],
    tolerance: 1.5e-7,
  },
  sigmoid: {
    build: ops.sigmoid,
    value: logistic,
    derivative: (x) => logistic(x) * logistic(-x),
    range: [-90, 90],
    tolerance: 2e-7,
  },
  silu: {
    build: ops.silu,
    value: (x) => x * logistic(x),
    derivative: (x) => logistic(x) * (1 + x * logistic(-x)),
    range: [-90, 90],
    tolerance: 1e-6,
  },
  gelu: {
    build: ops.gelu,
    value: (x) => x * normal(x),
    derivative: (x) => normal(x) + x * density(x),
    range: [-12, 12],
    tolerance: 5e-7,
  },
  leakyRelu: {
    build: (x) => ops.leakyRelu(x, 0.1),
    value: (x) => (x < 0 ? slope * x : x),
    derivative: (x) => (x < 0 ? slope : 1),
    range: [-50, 50],
    tolerance: exact,
  },
  clamp: {
    build: (x) => ops.clamp(x, -0.7, 0.9),
    value: (x) => Math.min(upper, Math.max(lower, x)),
    derivative: (x) => (x < lower || x > upper ? 0 : 1),
    range: [-2, 2],
    tolerance: 0,
  },
  affine: {
    build: (x) => ops.affine(x, 1.5, -0.25),
    value: (x) => 1.5 * x - 0.25,
    derivative: () => 1.5,
    range: [-50, 50],
    tolerance: 1.2e-7,
  },
};

const one = (x: Float32Array) => ({ x: { data: x, shape: [x.length] } });

async function apply(device: Device, x: Float32Array, build: (x: Value) => Value): Promise<Float32Array> {
  return (await evaluate(device, one(x), ({ x }) => build(x))).y as Float32Array;
}

describe("pointwise", () => {
  let golden: Golden;
  before(async () => {
    golden = await Golden.load("ops");
  });

  onEveryVariant((device) => {
    for (const [name, build] of [
      ["tanh", ops.tanh],
      ["gelu", ops.gelu],
      ["silu", ops.silu],
      ["leaky_relu", ops.leakyRelu],
    ] as const) {
      it(`${name} agrees with the reference, gradient too`, () =>
        checkGoldenCase(device(), golden, name, ["x"], ({ x }) => build(x)));
    }

    for (const [name, { build, value, derivative, range, tolerance }] of Object.entries(unary)) {
      it(`${name} is within ${tolerance} of double precision over [${range}], its gradient within ${2 * tolerance + exact}`, async () => {
        const x = spread(...range, 20011);
        const { y, gradients } = await evaluate(device(), one(x), ({ x }) => build(x), randomFloats(x.length, 3));
        const error = worstError(y, Array.from(x, value), 1);
        assert(error <= tolerance, `${name}: ${error}`);
        const gy = randomFloats(x.length, 3);
        const expected = Array.from(x, (x, i) => derivative(x) * gy[i]!);
        const worst = worstError(gradients.x, expected, 1);
        assert(worst <= 2 * tolerance + exact, `gradient of ${name}: ${worst}`);
      });
    }

    it("exp is within 2e-7 relative where its value is a normal number, within 8e-7 in the last octave", async () => {
      for (const [low, high, tolerance] of [
        [-87.3, 88.3, 2e-7],
        [88.3, 88.7, 8e-7],
      ] as const) {
        const x = spread(low, high, 50021);
        const error = worstError(await apply(device(), x, ops.exp), Array.from(x, Math.exp), 0);
        assert(error <= tolerance, `${error}`);
      }
    });

    it("tanh and sigmoid keep their relative precision near zero", async () => {
      const x = spreadLogarithmic(1e-30, 20, 4000);
      const error = worstError(await apply(device(), x, ops.tanh), Array.from(x, Math.tanh), 0);
      assert(error <= 5e-7, `${error}`);
    });

    it("round takes the nearest integer, halves to even, at every magnitude", async () => {
      const halves = Float32Array.from({ length: 41 }, (_, i) => (i - 20) / 2);
      const large = [4194303.5, 4194304.5, 4194305.5, 8388607.5, 8388609, 1e9, 3e38].flatMap((v) => [v, -v]);
      const x = Float32Array.from([...halves, ...large, Infinity, -Infinity, NaN]);
      const toEven = (v: number) => {
        const nearest = Math.round(v);
        return Math.abs(v % 1) === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
      };
      assert.equal(worstError(await apply(device(), x, ops.round), Array.from(x, toEven), 0), 0);
    });

    it("what is not a number stays so, infinities go to their limits", async () => {
      const x = Float32Array.of(NaN, Infinity, -Infinity);
      const limits: [string, (x: Value) => Value, readonly number[]][] = [
        ["neg", ops.neg, [NaN, -Infinity, Infinity]],
        ["abs", ops.abs, [NaN, Infinity, Infinity]],
        ["square", ops.square, [NaN, Infinity, Infinity]],
        ["sqrt", ops.sqrt, [NaN, Infinity, NaN]],
        ["exp", ops.exp, [NaN, Infinity, 0]],
        ["log", ops.log, [NaN, Infinity, NaN]],
        ["tanh", ops.tanh, [NaN, 1, -1]],
        ["sigmoid", ops.sigmoid, [NaN, 1, 0]],
        ["leakyRelu", ops.leakyRelu, [NaN, Infinity, -Infinity]],
        ["clamp", (x) => ops.clamp(x, -2, 3), [NaN, 3, -2]],
        ["affine", (x) => ops.affine(x, -2, 1), [NaN, -Infinity, Infinity]],
        ["add", (x) => ops.add(x, 1), [NaN, Infinity, -Infinity]],
        ["div", (x) => ops.div(1, x), [NaN, 0, 0]],
        ["maximum", (x) => ops.maximum(0, x), [NaN, Infinity, 0]],
        ["minimum", (x) => ops.minimum(0, x), [NaN, 0, -Infinity]],
        ["maximum of what is not a number and y", (x) => ops.maximum(x, 0), [0, Infinity, 0]],
      ];
      for (const [name, build, expected] of limits) {
        assert.equal(worstError(await apply(device(), x, build), expected, 1), 0, name);
      }
      for (const build of [ops.gelu, ops.silu]) {
        assert.deepEqual([...(await apply(device(), x, build))].slice(0, 2), [NaN, Infinity]);
      }
    });

    it("the smallest numbers are not flushed to zero", async () => {
      const x = Float32Array.of(1e-45, -1e-45, 1e-40, -1e-39, 1.1754944e-38);
      for (const build of [
        ops.tanh,
        (x: Value) => ops.add(x, 0),
        (x: Value) => ops.mul(x, 1),
        (x: Value) => ops.affine(x, 1),
      ]) {
        assert.deepEqual(await apply(device(), x, build), x);
      }
    });

    it("an element has the same bits wherever in a buffer it lies", async () => {
      const x = Float32Array.from(randomFloats(163, 9), (value) => value * 8);
      for (const [name, { build }] of Object.entries(unary)) {
        const whole = await apply(device(), x, build);
        for (const start of [1, 5, 16, 23]) {
          assert.deepEqual(await apply(device(), x.slice(start), build), whole.slice(start), name);
        }
      }
    });

    const dims = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 6 });
    const pairOfShapes = dims.chain((full) =>
      fc.record({
        full: fc.constant(full),
        ones: fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }),
        other: fc.array(fc.boolean(), { minLength: full.length, maxLength: full.length }),
        skip: fc.nat({ max: full.length }),
        skipFirst: fc.boolean(),
      }),
    );
    const binary = {
      add: { build: ops.add, value: (x: number, y: number) => x + y, dx: () => 1, dy: () => 1 },
      sub: { build: ops.sub, value: (x: number, y: number) => x - y, dx: () => 1, dy: () => -1 },
      mul: {
        build: ops.mul,
        value: (x: number, y: number) => x * y,
        dx: (_: number, y: number) => y,
        dy: (x: number) => x,
      },
      div: {
        build: ops.div,
        value: (x: number, y: number) => x / y,
        dx: (_: number, y: number) => 1 / y,
        dy: (x: number, y: number) => -x / y ** 2,
      },
      maximum: {
        build: ops.maximum,
        value: Math.max,
        dx: (x: number, y: number) => Number(x >= y),
        dy: (x: number, y: number) => Number(x < y),
      },
      minimum: {
        build: ops.minimum,
        value: Math.min,
        dx: (x: number, y: number) => Number(x <= y),
        dy: (x: number, y: number) => Number(x > y),
      },
      greaterEqual: {
        build: ops.greaterEqual,
        value: (x: number, y: number) => Number(x >= y),
        dx: () => 0,
        dy: () => 0,
      },
    };
    for (const [name, { build, value, dx, dy }] of Object.entries(binary)) {
      it(`${name} broadcasts any shapes, gradients too`, () =>
        fc.assert(
          fc.asyncProperty(pairOfShapes, async ({ full, ones, other, skip, skipFirst }) => {
            const wide = full.map((dim, i) => (ones[i] ? 1 : dim));
            const narrow = full.map((dim, i) => (other[i] ? 1 : dim)).slice(skip);
            const [xShape, yShape] = skipFirst ? [narrow, wide] : [wide, narrow];
            // Coarse steps make equal elements likely; none is zero, so that division is tame.
            const coarse = (count: number, seed: number) =>
              randomFloats(count, seed).map((v) => (v < 0 ? Math.floor(v * 3) : Math.ceil(v * 3) || 1));
            const x = coarse(sizeOf(xShape), 1);
            const y = coarse(sizeOf(yShape), 2);
            const shape = broadcastShape(xShape, yShape);
            const gy = randomFloats(sizeOf(shape), 3);
            const result = await evaluate(
              device(),
              { x: { data: x, shape: xShape }, y: { data: y, shape: yShape } },
              ({ x, y }) => build(x, y),
              gy,
            );
            const expected = new Float64Array(gy.length);
            const gx = new Float64Array(x.length);
            const gradientOfY = new Float64Array(y.length);
            forEachIndex(shape, (index, at) => {
              const [i, j] = [broadcastOffset(index, xShape), broadcastOffset(index, yShape)];
              expected[at] = value(x[i]!, y[j]!);
              gx[i]! += gy[at]! * dx(x[i]!, y[j]!);
              gradientOfY[j]! += gy[at]! * dy(x[i]!, y[j]!);
            });
            assert.deepEqual(result.shape, shape);
            assertClose(result.y, expected, 1e-6, "y");
            assert(worstError(result.gradients.x, gx, 1) <= 1e-5);
            assert(worstError(result.gradients.y, gradientOfY, 1) <= 1e-5);
          }),
          { numRuns: 40 },
        ));
    }

    it("handles values without elements", async () => {
      const inputs = {
        x: { data: new Float32Array(0), shape: [3, 0, 2] },
        y: { data: randomFloats(2, 1), shape: [2] },
      };
      const { y, shape } = await evaluate(device(), inputs, ({ x, y }) => ops.tanh(ops.add(x, y)));
      assert.deepEqual([y.length, shape], [0, [3, 0, 2]]);
    });
  });

  it("refuses shapes that do not broadcast, naming both", () => {
    const graph = new Graph();
    assert.throws(() => ops.add(graph.input("x", [2, 3]), graph.input("y", [2])), {
      code: "ERR_LMSPT_SHAPE",
      message: "[add] expected shapes that broadcast, got [2, 3] and [2]",
    });
  });

  it("refuses integers", () => {
    const graph = new Graph();
    assert.throws(() => ops.exp(graph.input("x", [2], "i32")), {
      code: "ERR_LMSPT_SHAPE",
      message: /x of type f32, got i32/,
    });
  });
});

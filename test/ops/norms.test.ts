import assert from "node:assert/strict";
import { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { add, layerNorm, rmsNorm, softmax } from "../../lib/graph/ops/index.js";
import { assertClose, Golden, randomFloats } from "../golden.js";
import { checkGoldenCase, differenceQuotient, evaluate, onEveryVariant } from "./support.js";

const sizes = [1, 3, 15, 16, 17, 48, 1025, 5000];

/** Rows of `size` with parameters, and a gradient of the result. */
function inputsOf(rows: number, size: number, shift = 0) {
  return {
    x: { data: randomFloats(rows * size, 1).map((value) => 2 * value + shift), shape: [rows, size] },
    w: { data: randomFloats(size, 2), shape: [size] },
    b: { data: randomFloats(size, 3), shape: [size] },
    gy: randomFloats(rows * size, 4),
  };
}

type Parameters = Record<"x" | "w" | "b", Value>;
type Norm = (values: Parameters) => Value;
const layer: Norm = ({ x, w, b }) => layerNorm(x, w, b);
// b takes no part: its gradient must be zero.
const rms: Norm = ({ x, w }) => rmsNorm(x, w);

/** Gradients of short rows are small differences of large terms: the rounding of those is what is allowed. */
const gradientTolerance = (size: number) => (size < 15 ? 3e-5 : 2e-6);

/** The definition in double precision, row by row: y, and the gradients of sum(y * gy). */
function oracle({ x, w, b, gy }: ReturnType<typeof inputsOf>, centered: boolean) {
  const [rows, size] = x.shape as [number, number];
  const result = {
    y: new Float64Array(rows * size),
    x: new Float64Array(rows * size),
    w: new Float64Array(size),
    b: new Float64Array(size),
  };
  const mean = (values: number[]) => values.reduce((total, value) => total + value, 0) / size;
  for (let row = 0; row < rows; row++) {
    const values = Array.from(x.data.subarray(row * size, (row + 1) * size));
    const center = centered ? mean(values) : 0;
    const scale = 1 / Math.sqrt(mean(values.map((v) => (v - center) ** 2)) + (centered ? 1e-5 : 1e-6));
    const normalized = values.map((v) => (v - center) * scale);
    const slopes = normalized.map((_, i) => gy[row * size + i]! * w.data[i]!);
    const slope = centered ? mean(slopes) : 0;
    const along = mean(slopes.map((s, i) => s * normalized[i]!));
    for (let i = 0; i < size; i++) {
      const at = row * size + i;
      result.y[at] = normalized[i]! * w.data[i]! + (centered ? b.data[i]! : 0);
      result.x[at] = scale * (slopes[i]! - slope - normalized[i]! * along);
      result.w[i]! += gy[at]! * normalized[i]!;
      result.b[i]! += centered ? gy[at]! : 0;
    }
  }
  return result;
}

for (const [name, build, centered] of [
  ["layer_norm", layer, true],
  ["rms_norm", rms, false],
] as const) {
  describe(name, () => {
    onEveryVariant((device) => {
      it("agrees with the reference, gradients too", async () => {
        const golden = await Golden.load("ops");
        await (centered
          ? checkGoldenCase(device(), golden, name, ["x", "w", "b"], layer)
          : checkGoldenCase(device(), golden, name, ["x", "w"], ({ x, w }) => rmsNorm(x, w)));
      });

      it("agrees with the definition for rows of any size, gradients too", async () => {
        for (const size of sizes) {
          const { gy, ...inputs } = inputsOf(133, size);
          const wanted = oracle({ gy, ...inputs }, centered);
          const { y, gradients } = await evaluate(device(), inputs, build, gy);
          assertClose(y, wanted.y, 2e-6, `y of ${size}`);
          for (const key of ["x", "w", "b"] as const) {
            assertClose(gradients[key], wanted[key], gradientTolerance(size), `gradient of ${key} of ${size}`);
          }
        }
      });

      it("keeps its digits far from zero", async () => {
        const { gy, ...inputs } = inputsOf(3, 700, 100);
        const { y } = await evaluate(device(), inputs, build);
        assertClose(y, oracle({ gy, ...inputs }, centered).y, 1e-5);
      });

      it("gives finite results and gradients for equal values", async () => {
        const { gy, ...inputs } = inputsOf(2, 40);
        const { y, gradients } = await evaluate(
          device(),
          { ...inputs, x: { ...inputs.x, data: new Float32Array(80) } },
          build,
          gy,
        );
        const bias = centered ? inputs.b.data : new Float32Array(40);
        assert.deepEqual(Array.from(y), [...bias, ...bias]);
        for (const gradient of Object.values(gradients)) assert((gradient as Float32Array).every(Number.isFinite));
      });

      it("agrees with differences", async () => {
        const { gy, ...inputs } = inputsOf(4, 20);
        const { gradients } = await evaluate(device(), inputs, build, gy);
        for (const [key, index] of [
          ["x", 47],
          ["w", 11],
        ] as [keyof Parameters, number][]) {
          const quotient = await differenceQuotient(device(), inputs, build, gy, key, index);
          assertClose([gradients[key][index]!], [quotient], 2e-3, key);
        }
      });

      it("has the same bits with a sum before it, and its gradient with a sum behind it", async () => {
        const { gy, ...inputs } = inputsOf(130, 37);
        const more = { data: randomFloats(130 * 37, 5), shape: [130, 37] };
        const g = { data: gy, shape: [130, 37] };
        const apply = (op: string, values: Value[], attributes = {}) => values[0]!.graph.apply(op, values, attributes);
        const parameters = ({ w, b }: Parameters) => (centered ? [w, b] : [w]);
        const run = async (build: (values: Parameters & Record<"more" | "g", Value>) => Value) =>
          (await evaluate(device(), { ...inputs, more, g }, build)).y;
        const sum = (result: number) =>
          run(({ x, more, ...rest }) => {
            const both = apply(`fused_add_${name}`, [x, more, ...parameters({ x, ...rest })]);
            return both[result]!;
          });
        assert.deepEqual(await sum(0), await run(({ x, more }) => add(x, more)));
        assert.deepEqual(await sum(1), await run(({ x, more, ...rest }) => build({ x: add(x, more), ...rest })));
        const gradient = await run(({ x, w, g }) => apply(`${name}_grad`, [x, w, g])[0]!);
        const alone = await run(({ x, w, g }) => apply(`${name}_grad`, [x, w, g], { parameters: false })[0]!);
        assert.deepEqual(alone, gradient);
        const summed = await run(({ x, w, g, more }) => apply(`${name}_grad`, [x, w, g, more])[0]!);
        assert.deepEqual(summed, await run(({ x, w, g, more }) => add(more, apply(`${name}_grad`, [x, w, g])[0]!)));
      });

      it("gives a row the same bits wherever it lies", async () => {
        const { gy, ...inputs } = inputsOf(130, 37);
        const whole = await evaluate(device(), inputs, build, gy);
        const x = { data: inputs.x.data.slice(67 * 37, 70 * 37), shape: [3, 37] };
        const part = await evaluate(device(), { ...inputs, x }, build, gy.slice(67 * 37, 70 * 37));
        assert.deepEqual(part.y, whole.y.slice(67 * 37, 70 * 37));
        assert.deepEqual(part.gradients.x, whole.gradients.x.slice(67 * 37, 70 * 37));
      });
    });

    it("gives the same bits with any number of threads, gradients too", async () => {
      const { gy, ...inputs } = inputsOf(300, 200);
      const results = [];
      for (const threads of [1, 3]) {
        const device = Device.open("cpu", { threads });
        const { y, gradients } = await evaluate(device, inputs, build, gy);
        results.push({ y, ...gradients });
        await device.close();
      }
      assert.deepEqual(results[1], results[0]);
    });

    it("refuses parameters of another size, rows of nothing and a negative epsilon", () => {
      const graph = new Graph();
      const [x, w, w4] = [graph.input("x", [2, 5]), graph.input("w", [5]), graph.input("w4", [4])];
      const empty = graph.input("empty", [2, 0]);
      const norm = (x: Value, w: Value, epsilon?: number) =>
        centered ? layerNorm(x, w, w, epsilon) : rmsNorm(x, w, epsilon);
      const code = "ERR_LMSPT_SHAPE";
      assert.throws(() => norm(x, w4), { code, message: `[${name}] expected w of shape [5], got [4]` });
      assert.throws(() => norm(empty, w), { code, message: /last dimension of at least 1, got \[2, 0\]/ });
      assert.throws(() => norm(x, w, -1), { code, message: /epsilon/ });
    });
  });
}

describe("softmax", () => {
  const build = ({ x }: Record<"x", Value>) => softmax(x);

  function definition(x: Float32Array, gy: Float32Array, size: number) {
    const y = new Float64Array(x.length);
    const gx = new Float64Array(x.length);
    for (let row = 0; row < x.length; row += size) {
      const values = Array.from(x.subarray(row, row + size));
      const top = values.reduce((a, b) => Math.max(a, b));
      const total = values.reduce((sum, value) => sum + Math.exp(value - top), 0);
      for (let i = 0; i < size; i++) y[row + i] = Math.exp(values[i]! - top) / total;
      let along = 0;
      for (let i = row; i < row + size; i++) along += y[i]! * gy[i]!;
      for (let i = row; i < row + size; i++) gx[i] = y[i]! * (gy[i]! - along);
    }
    return { y, gx };
  }

  onEveryVariant((device) => {
    it("agrees with the definition for rows of any size, gradients too", async () => {
      for (const size of sizes) {
        const x = randomFloats(5 * size, 1).map((value) => value * 10);
        const gy = randomFloats(5 * size, 2);
        const wanted = definition(x, gy, size);
        const { y, gradients } = await evaluate(device(), { x: { data: x, shape: [5, size] } }, build, gy);
        assertClose(y, wanted.y, 1e-6, `y of ${size}`);
        assertClose(gradients.x, wanted.gx, gradientTolerance(size), `gradient of ${size}`);
      }
    });

    it("stands large values, and gives exactly zero where a value is minus infinity", async () => {
      const x = Float32Array.of(3e38, 1e38, -3e38, 0, -Infinity, 0);
      const { y } = await evaluate(device(), { x: { data: x, shape: [2, 3] } }, build);
      assert.deepEqual(y, Float32Array.of(1, 0, 0, 0.5, 0, 0.5));
    });

    it("agrees with differences", async () => {
      const inputs = { x: { data: randomFloats(40, 1), shape: [2, 20] } };
      const gy = randomFloats(40, 2);
      const { gradients } = await evaluate(device(), inputs, build, gy);
      const quotient = await differenceQuotient(device(), inputs, build, gy, "x", 27);
      assertClose([gradients.x[27]!], [quotient], 1e-3);
    });

    it("gives a row the same bits wherever it lies", async () => {
      const x = randomFloats(70 * 37, 1);
      const whole = await evaluate(device(), { x: { data: x, shape: [70, 37] } }, build);
      const part = await evaluate(device(), { x: { data: x.slice(-3 * 37), shape: [3, 37] } }, build);
      assert.deepEqual(part.y, whole.y.slice(-3 * 37));
    });
  });

  it("refuses rows of nothing", () => {
    const graph = new Graph();
    assert.throws(() => softmax(graph.input("x", [2, 0])), { code: "ERR_LMSPT_SHAPE" });
  });
});

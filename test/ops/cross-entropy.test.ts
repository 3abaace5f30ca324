import assert from "node:assert/strict";
import { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import { crossEntropy } from "../../lib/graph/ops/index.js";
import { assertClose, Golden, randomFloats } from "../golden.js";
import { differenceQuotient, evaluate, onEveryVariant } from "./support.js";

const one = Float32Array.of(1);

function inputsOf(rows: number, classes: number, scale = 1) {
  return {
    x: { data: randomFloats(rows * classes, 1).map((value) => value * scale), shape: [rows, classes] },
    t: { data: Int32Array.from({ length: rows }, (_, i) => (i * 7919) % classes), shape: [rows] },
  };
}

const build = ({ x, t }: Record<"x" | "t", Value>) => crossEntropy(x, t);

/** The definition in double precision: the loss and its gradient. */
function oracle({ x, t }: ReturnType<typeof inputsOf>, ignored = -100) {
  const classes = x.shape[1]!;
  const counting = t.data.filter((target) => target !== ignored).length;
  const gx = new Float64Array(x.data.length);
  let y = 0;
  for (const [row, target] of t.data.entries()) {
    if (target === ignored) continue;
    const values = Array.from(x.data.subarray(row * classes, (row + 1) * classes));
    const top = values.reduce((a, b) => Math.max(a, b));
    const total = values.reduce((sum, value) => sum + Math.exp(value - top), 0);
    y += (Math.log(total) + top - values[target]!) / counting;
    for (let i = 0; i < classes; i++) {
      gx[row * classes + i] = (Math.exp(values[i]! - top) / total - (i === target ? 1 : 0)) / counting;
    }
  }
  return { y, gx };
}

describe("cross_entropy", () => {
  onEveryVariant((device) => {
    it("agrees with the reference, gradient too", async () => {
      const golden = await Golden.load("ops");
      const read = (key: string) => ({
        data: golden.floats(`cross_entropy.${key}`),
        shape: golden.shape(`cross_entropy.${key}`),
      });
      const targets = golden.integers("cross_entropy.t");
      const inputs = { x: read("x"), t: { data: targets, shape: [targets.length] } };
      const expected = { y: read("y").data, gx: read("gx").data };
      const { y, shape, gradients } = await evaluate(device(), inputs, build, read("gy").data, expected);
      assert.deepEqual(shape, []);
      assertClose(y, expected.y, 1e-6);
      assertClose(gradients.x, expected.gx, 1e-6);
    });

    for (const [rows, classes, scale] of [
      [1, 1, 1],
      [1, 17, 1],
      [300, 5, 3],
      [40, 16384, 8],
      [9, 33, 1e4],
    ] as const) {
      it(`agrees with the definition for ${rows} rows of ${classes} classes up to ${scale}, gradient too`, async () => {
        const inputs = inputsOf(rows, classes, scale);
        const wanted = oracle(inputs);
        const { y, gradients } = await evaluate(device(), inputs, build, one);
        assertClose(y, [wanted.y], 1e-6);
        assertClose(gradients.x, wanted.gx, 1e-6);
      });
    }

    it("leaves out the rows whose target is the ignored one, whichever that is", async () => {
      for (const ignored of [-100, 2]) {
        const inputs = inputsOf(12, 9);
        inputs.t.data.set([ignored, ignored], 4);
        const wanted = oracle(inputs, ignored);
        const { y, gradients } = await evaluate(device(), inputs, ({ x, t }) => crossEntropy(x, t, ignored), one);
        assertClose(y, [wanted.y], 1e-6);
        assertClose(gradients.x, wanted.gx, 1e-6);
        assert.deepEqual(gradients.x.slice(4 * 9, 6 * 9), new Float32Array(18));
      }
    });

    it("is zero, and its gradient too, where no row counts", async () => {
      for (const rows of [0, 3]) {
        const inputs = inputsOf(rows, 4);
        inputs.t.data.fill(-100);
        const { y, gradients } = await evaluate(device(), inputs, build, one);
        assert.deepEqual(y, Float32Array.of(0));
        assert.deepEqual(gradients.x, new Float32Array(rows * 4));
      }
    });

    it("is NaN for a target that is no class, and so is the gradient of that row alone", async () => {
      for (const target of [-1, 4, 2 ** 31 - 1, -(2 ** 31)]) {
        const inputs = inputsOf(3, 4);
        inputs.t.data[1] = target;
        const { y, gradients } = await evaluate(device(), inputs, build, one);
        assert(Number.isNaN(y[0]));
        assert.deepEqual(
          Array.from(gradients.x, Number.isNaN),
          Array.from({ length: 12 }, (_, i) => i >= 4 && i < 8),
        );
      }
    });

    it("agrees with differences", async () => {
      const inputs = inputsOf(3, 10);
      const gy = Float32Array.of(-2.5);
      const { gradients } = await evaluate(device(), inputs, build, gy);
      const quotient = await differenceQuotient(device(), inputs, build, gy, "x", 14);
      assertClose([gradients.x[14]!], [quotient], 1e-3);
    });
  });

  it("gives the same bits with any number of threads, gradient too", async () => {
    const results = [];
    for (const threads of [1, 4]) {
      const device = Device.open("cpu", { threads });
      const { y, gradients } = await evaluate(device, inputsOf(200, 50), build, one);
      results.push({ y, x: gradients.x });
      await device.close();
    }
    assert.deepEqual(results[1], results[0]);
  });

  it("refuses targets of another type or number, and logits without classes", () => {
    const graph = new Graph();
    const logits = graph.input("logits", [3, 4]);
    const empty = graph.input("empty", [3, 0]);
    const [targets, two] = [graph.input("targets", [3], "i32"), graph.input("two", [2], "i32")];
    const code = "ERR_LMSPT_SHAPE";
    assert.throws(() => crossEntropy(logits, graph.input("floats", [3])), { code, message: /targets of type i32/ });
    assert.throws(() => crossEntropy(logits, two), { code, message: /targets of shape \[3\], got \[2\]/ });
    assert.throws(() => crossEntropy(empty, targets), { code, message: /at least one class/ });
  });
});

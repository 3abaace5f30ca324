import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import type { AttributeValue } from "../../lib/graph/native.js";
import { add, gelu, linear, matmul } from "../../lib/graph/ops/index.js";
import { assertClose, Golden, randomFloats } from "../golden.js";
import { sizeOf } from "./oracles.js";
import { checkGoldenCase, evaluate, onEveryVariant, randomTensor } from "./support.js";

type Attributes = Readonly<Record<string, AttributeValue>>;
type Pair = [Value, Value];

interface Product {
  readonly batch: readonly number[];
  readonly size: readonly [m: number, k: number, n: number];
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  /** b is one matrix for the whole batch. */
  readonly shared: boolean;
}

/** matmul and both gradients against three nested loops. */
async function checkProduct(device: Device, { batch, size, transposeA, transposeB, shared }: Product): Promise<void> {
  const [m, k, n] = size;
  const items = sizeOf(batch);
  const a = { data: randomFloats(items * m * k, 1), shape: [...batch, ...(transposeA ? [k, m] : [m, k])] };
  const bItems = shared ? 1 : items;
  const b = {
    data: randomFloats(bItems * k * n, 2),
    shape: [...(shared ? [] : batch), ...(transposeB ? [n, k] : [k, n])],
  };
  const gy = randomFloats(items * m * n, 3);
  const y = new Float64Array(gy.length);
  const ga = new Float64Array(a.data.length);
  const gb = new Float64Array(b.data.length);
  for (let item = 0; item < items; item++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        const out = (item * m + i) * n + j;
        for (let l = 0; l < k; l++) {
          const at = item * m * k + (transposeA ? l * m + i : i * k + l);
          const from = (shared ? 0 : item) * k * n + (transposeB ? j * k + l : l * n + j);
          y[out]! += a.data[at]! * b.data[from]!;
          ga[at]! += gy[out]! * b.data[from]!;
          gb[from]! += gy[out]! * a.data[at]!;
        }
      }
    }
  }
  const differentiable = !(transposeA && shared && batch.length > 0);
  const build = ({ a, b }: Record<"a" | "b", Parameters<typeof matmul>[0]>) => matmul(a, b, { transposeA, transposeB });
  const result = await evaluate(device, { a, b }, build, differentiable ? gy : undefined);
  assert.deepEqual(result.shape, [...batch, m, n]);
  assertClose(result.y, y, 1e-6, "y");
  if (!differentiable) return;
  assertClose(result.gradients.a, ga, 1e-6, "ga");
  assertClose(result.gradients.b, gb, 1e-6, "gb");
}

describe("linear", () => {
  onEveryVariant((device) => {
    it("agrees with the reference, gradients too", async () => {
      const golden = await Golden.load("ops");
      await checkGoldenCase(device(), golden, "linear", ["x", "w", "b"], ({ x, w, b }) => linear(x, w, b));
    });

    it("works on any number of leading dimensions, without a bias too", async () => {
      const x = { data: randomFloats(2 * 3 * 4 * 5, 1), shape: [2, 3, 4, 5] };
      const w = { data: randomFloats(7 * 5, 2), shape: [7, 5] };
      const { y, shape, gradients } = await evaluate(
        device(),
        { x, w },
        ({ x, w }) => linear(x, w),
        randomFloats(168, 3),
      );
      assert.deepEqual(shape, [2, 3, 4, 7]);
      const flat = await evaluate(
        device(),
        { x: { ...x, shape: [24, 5] }, w },
        ({ x, w }) => linear(x, w),
        randomFloats(168, 3),
      );
      assert.deepEqual([y, gradients], [flat.y, flat.gradients]);
      assertClose([y[0]!], [x.data.slice(0, 5).reduce((sum, v, i) => sum + v * w.data[i]!, 0)], 1e-6);
    });

    const sizes: Product["size"][] = [
      [1, 1, 1],
      [5, 7, 3],
      [16, 16, 16],
      [17, 33, 15],
      [97, 64, 49],
      [3, 200, 130],
    ];
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) {
        const name = `a${transposeA ? "^T" : ""} b${transposeB ? "^T" : ""}`;
        it(`matmul ${name} agrees with plain loops at all sizes, gradients too`, async () => {
          for (const size of sizes) {
            await checkProduct(device(), { batch: [], size, transposeA, transposeB, shared: true });
          }
        });
        it(`matmul ${name} with batches and with a shared b agrees with plain loops, gradients too`, async () => {
          for (const shared of [false, true]) {
            await checkProduct(device(), { batch: [3], size: [5, 18, 21], transposeA, transposeB, shared });
            await checkProduct(device(), { batch: [2, 3], size: [17, 4, 33], transposeA, transposeB, shared });
          }
        });
      }
    }

    it("fused_linear has the bits of a product and what follows it", async () => {
      const inputs = {
        x: randomTensor([3, 70, 21], 1),
        w: randomTensor([45, 21], 2),
        v: randomTensor([21, 45], 3),
        b: randomTensor([45], 4),
        u: randomTensor([3, 70, 45], 5),
        r: randomTensor([3, 70, 45], 6),
      };
      type Values = Record<keyof typeof inputs, Value>;
      const assertEqual = async (fused: (values: Values) => Value, parts: (values: Values) => Value) => {
        const [one, other] = [await evaluate(device(), inputs, fused), await evaluate(device(), inputs, parts)];
        assert.deepEqual(one.y, other.y);
      };
      const apply = (values: (Value | undefined)[], attributes: Attributes) =>
        values[0]!.graph.apply("fused_linear", values, attributes);
      await assertEqual(
        ({ x, w, b }) => apply([x, w, b], { gelu: 1 })[0]!,
        ({ x, w, b }) => gelu(linear(x, w, b)),
      );
      await assertEqual(
        ({ x, v, r }) => add(...(apply([x, v, undefined, undefined, r], { transposed: true, gelu: 2 }) as Pair)),
        ({ x, v, r }) => add(add(r, gelu(matmul(x, v))), matmul(x, v)),
      );
      await assertEqual(
        ({ x, v, u }) => apply([x, v, undefined, u], { transposed: true })[0]!,
        ({ x, v, u }) => x.graph.apply("gelu_grad", [u, matmul(x, v)], {})[0]!,
      );
    });

    it("a product over nothing is zero", async () => {
      const a = { data: new Float32Array(0), shape: [3, 0] };
      const b = { data: new Float32Array(0), shape: [0, 20] };
      const { y } = await evaluate(device(), { a, b }, ({ a, b }) => matmul(a, b));
      assert.deepEqual(y, new Float32Array(60));
    });

    it("gives a row the same bits in any batch and at any place", async () => {
      const [rows, features] = [211, 70];
      const x = randomFloats(rows * features, 1);
      const w = { data: randomFloats(50 * features, 2), shape: [50, features] };
      const b = { data: randomFloats(50, 3), shape: [50] };
      const run = async (data: Float32Array) => {
        const inputs = { x: { data, shape: [data.length / features, features] }, w, b };
        return (await evaluate(device(), inputs, ({ x, w, b }) => linear(x, w, b))).y;
      };
      const whole = await run(x);
      for (const [start, end] of [
        [0, 1],
        [5, 200],
        [97, 103],
        [210, 211],
      ] as const) {
        assert.deepEqual(await run(x.slice(start * features, end * features)), whole.slice(start * 50, end * 50));
      }
    });
  });

  it("names the features and shapes that do not fit", () => {
    const graph = new Graph();
    const x = graph.input("x", [4, 32]);
    assert.throws(() => linear(x, graph.input("w", [8, 64])), {
      code: "ERR_LMSPT_SHAPE",
      message: "[linear] expected x with 64 features, got [4, 32]",
    });
    assert.throws(() => linear(x, graph.input("w2", [8, 32]), graph.input("b", [9])), {
      code: "ERR_LMSPT_SHAPE",
      message: /bias/,
    });
    assert.throws(() => matmul(x, graph.input("m", [31, 4])), {
      code: "ERR_LMSPT_SHAPE",
      message: "[matmul] expected 32 rows in b, got 31",
    });
    assert.throws(() => matmul(graph.input("a3", [2, 4, 8]), graph.input("b3", [3, 8, 4])), {
      code: "ERR_LMSPT_SHAPE",
      message: /one batch shape, got \[2, 4, 8\] and \[3, 8, 4\]/,
    });
    assert.throws(() => matmul(graph.input("row", [8]), graph.input("b4", [8, 4])), { code: "ERR_LMSPT_SHAPE" });
  });

  it("says which product has no gradient", () => {
    const graph = new Graph();
    const [a, b] = [graph.input("a", [2, 4, 8]), graph.input("b", [4, 3])];
    const y = matmul(a, b, { transposeA: true });
    assert.throws(() => graph.gradients([y], [b]), {
      code: "ERR_LMSPT_UNSUPPORTED",
      message: /transposed a with one shared b/,
    });
  });
});

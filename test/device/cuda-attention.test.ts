/** Attention on CUDA: every precision against a naive implementation of the same, and queries among other ones. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { attention } from "../../lib/graph/ops/index.js";
import type { Precision } from "../../lib/graph/precision.js";
import { compute } from "../gemm/support.js";
import { randomFloats } from "../golden.js";
import { assertNearAsNaive, type Geometry, inputsOf } from "./attention-oracle.js";
import { openCuda } from "./cuda-device.js";
import { PRECISIONS } from "./cuda-precision.js";

const geometries: readonly Geometry[] = [
  { queries: 1, keys: 1, size: 1 },
  { queries: 20, keys: 70, size: 64 },
  { queries: 65, keys: 66, size: 63, causal: true },
  { batch: 2, queries: 9, keys: 70, heads: 4, keyHeads: 2, size: 20, causal: true },
  { queries: 66, keys: 65, size: 128 },
  { queries: 34, keys: 100, heads: 2, keyHeads: 1, size: 100, causal: true },
  { queries: 5, keys: 6, size: 132 },
];

describe("attention on CUDA", () => {
  let cuda: Device;
  before(() => {
    cuda = openCuda();
  });
  after(() => cuda.close());

  for (const g of geometries) {
    it(`is as near to the exact result as a naive implementation of the same precision: ${JSON.stringify(g)}`, async () => {
      await assertNearAsNaive(cuda, g, PRECISIONS);
    });
  }

  for (const precision of PRECISIONS) {
    it(`gives a query the same bits in any batch, and those of the end alone the bits of the whole, in ${precision}`, async () => {
      const [length, heads, size] = [70, 2, 24];
      const row = heads * size;
      const run = async (q: Float32Array, k: Float32Array, v: Float32Array, batch: number) => {
        const of = (data: Float32Array) => ({ data, shape: [batch, data.length / batch / row, heads, size] });
        const inputs = { q: of(q), k: of(k), v: of(v) };
        return compute(cuda, inputs, precision, ({ q, k, v }) => attention(q, k, v, { causal: true }));
      };
      const [q, k, v, other] = [1, 2, 3, 4].map((seed) => randomFloats(length * row, seed)) as [
        Float32Array,
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      const whole = await run(q, k, v, 1);
      const join = (b: Float32Array) => Float32Array.from([...other, ...b]);
      assert.deepEqual((await run(join(q), join(k), join(v), 2)).slice(whole.length), whole);
      assert.deepEqual(await run(q.slice(-7 * row), k, v, 1), whole.slice(-7 * row));
      const end = 30 * row;
      assert.deepEqual(await run(q.slice(0, end), k.slice(0, end), v.slice(0, end), 1), whole.slice(0, end));
    });
  }

  it("is exact where that is asked for", async () => {
    const inputs = inputsOf({ queries: 20, keys: 30, size: 16 });
    const run = (precision: Precision, exact: boolean) =>
      compute(cuda, inputs, precision, ({ q, k, v }) => attention(q, k, v, { exact }));
    const plain = await run("fp32", false);
    assert.deepEqual(await run("bf16", true), plain);
    assert.notDeepEqual(await run("bf16", false), plain);
  });
});

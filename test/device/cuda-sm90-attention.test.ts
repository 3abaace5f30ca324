/**
 * Attention on GPUs of compute capability 9.0 (docs/cuda-attention.md): lengths around its tiles, heads that share keys,
 * row invariance, numbers that are none.
 */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import type { Value } from "../../lib/graph/graph.js";
import { type AttentionOptions, attention, neg } from "../../lib/graph/ops/index.js";
import { toBf16 } from "../gemm/bf16-model.js";
import { compute } from "../gemm/support.js";
import { assertClose, randomFloats } from "../golden.js";
import { randomTensor, type TensorData } from "../ops/support.js";
import { assertNearAsNaive, type Geometry, inputsOf } from "./attention-oracle.js";
import { isEmulated, launchesOf, useBothDevices, withoutStorage, withSettings } from "./cuda-device.js";
import { computeGradients } from "./cuda-precision.js";

const geometries: readonly Geometry[] = [
  { queries: 1, keys: 1, size: 8 },
  { queries: 1, keys: 257, heads: 3, keyHeads: 1, size: 64, causal: true },
  { queries: 192, keys: 128, size: 64 },
  { queries: 193, keys: 129, size: 64 },
  { batch: 2, queries: 65, keys: 300, heads: 4, keyHeads: 2, size: 64 },
  { queries: 10, keys: 1300, size: 64 },
  { queries: 400, keys: 400, heads: 2, keyHeads: 1, size: 64, causal: true },
  { batch: 3, queries: 200, keys: 333, heads: 2, size: 40, causal: true },
  { queries: 130, keys: 131, size: 64, scale: 0.3, spread: 20 },
];

type Heads = Record<"q" | "k" | "v", TensorData>;

const attend = (device: Device, inputs: Heads, options: AttentionOptions = {}) =>
  compute(device, inputs, "bf16", ({ q, k, v }) => attention(q, k, v, options));

/** How often a kernel of compute capability 9.0 was launched. */
const launches = () => launchesOf("sm90_attention");

describe("attention of compute capability 9.0", () => {
  let cpu: Device;
  let cuda: Device;
  useBothDevices((both) => {
    ({ cpu, cuda } = both);
  });

  for (const g of geometries) {
    it(`is as near to the exact result as a naive implementation in bf16: ${JSON.stringify(g)}`, () =>
      assertNearAsNaive(cuda, g, ["bf16"]));
  }

  it("gives a query the same bits among other items, heads and queries, gradients too", async () => {
    const [length, heads, size] = [270, 2, 64];
    const row = heads * size;
    const run = (data: readonly Float32Array[], batch: number) => {
      const [q, k, v, gy] = data as [Float32Array, Float32Array, Float32Array, Float32Array];
      const of = (data: Float32Array) => ({ data, shape: [batch, data.length / batch / row, heads, size] });
      return computeGradients(cuda, { q: of(q), k: of(k), v: of(v) }, gy, "bf16", ({ q, k, v }) =>
        attention(q, k, v, { causal: true }),
      );
    };
    const data = [1, 2, 3, 4].map((seed) => randomFloats(length * row, seed));
    const other = randomFloats(length * row, 5);
    const whole = await run(data, 1);
    const twice = await run(
      data.map((one) => Float32Array.from([...other, ...one])),
      2,
    );
    assert.deepEqual(twice.y.slice(length * row), whole.y);
    for (const name of ["q", "k", "v"] as const) {
      assert.deepEqual(twice.gradients[name].slice(length * row), whole.gradients[name], name);
    }
    const last = (one: Float32Array) => one.slice(-7 * row);
    const [q, k, v, gy] = data as [Float32Array, Float32Array, Float32Array, Float32Array];
    const end = await run([last(q), k, v, last(gy)], 1);
    assert.deepEqual(end.y, whole.y.slice(-7 * row));
    assert.deepEqual(end.gradients.q, whole.gradients.q.slice(-7 * row));
    const begin = await run(
      data.map((one) => one.slice(0, 100 * row)),
      1,
    );
    assert.deepEqual(begin.y, whole.y.slice(0, 100 * row));
    // Without the other head.
    const second = (one: Float32Array) => one.filter((_, i) => Math.floor(i / size) % heads === 1);
    const alone = await attend(
      cuda,
      {
        q: { data: second(q), shape: [1, length, 1, size] },
        k: { data: second(k), shape: [1, length, 1, size] },
        v: { data: second(v), shape: [1, length, 1, size] },
      },
      { causal: true },
    );
    assert.deepEqual(alone, second(whole.y as Float32Array));
  });

  it("has the NaN of the CPU where scores are no numbers, and nowhere else", async () => {
    const [queries, keys, size] = [70, 140, 64];
    const inputs: Heads = {
      q: { data: randomFloats(queries * size, 1).map(Math.abs), shape: [1, queries, 1, size] },
      k: randomTensor([1, keys, 1, size], 2),
      v: randomTensor([1, keys, 1, size], 3),
    };
    const [q, k] = [inputs.q.data, inputs.k.data];
    q[3 * size] = Number.NaN;
    k[20 * size + 1] = Number.NEGATIVE_INFINITY;
    k[(keys - 5) * size + 2] = Number.POSITIVE_INFINITY; // the last five queries alone see it
    for (const causal of [true, false]) {
      const expected = await attend(cpu, inputs, { causal });
      const actual = await attend(cuda, inputs, { causal });
      const places = (data: Float32Array) => Array.from(data, Number.isNaN);
      assert.deepEqual(places(actual), places(expected));
      assert.equal(actual.filter(Number.isNaN).length, (causal ? 6 : queries) * size);
      const without = (data: Float32Array) => data.map((value) => (Number.isNaN(value) ? 0 : value));
      assertClose(without(actual), without(expected), 2e-2);
    }
    k.fill(Number.NEGATIVE_INFINITY);
    assert((await attend(cuda, inputs)).every(Number.isNaN));
  });

  for (const size of [64, 80]) {
    it(`takes and gives what plans store as bf16 numbers, heads of ${size} features too`, async () => {
      const inputs = inputsOf({ batch: 2, queries: 70, keys: 131, heads: 2, keyHeads: 1, size });
      const run = (build: (values: Record<"q" | "k" | "v", Value>) => Value) => compute(cuda, inputs, "bf16", build);
      const stored = ({ q, k, v }: Record<"q" | "k" | "v", Value>) =>
        attention(neg(q), neg(k), neg(v), { scale: 0.125 });
      const plain = await withoutStorage(() => run(stored));
      assert.deepEqual(await run(stored), plain);
      assert.deepEqual(
        await run((values) => neg(stored(values))),
        plain.map((value) => -toBf16(value)),
      );
      const gy = randomFloats(plain.length, 4);
      const gradients = () => computeGradients(cuda, inputs, gy, "bf16", (values) => neg(stored(values)));
      const [one, other] = [await gradients(), await withoutStorage(gradients)];
      for (const name of ["q", "k", "v"] as const) {
        assert.notDeepEqual(one.gradients[name], other.gradients[name]);
        assertClose(one.gradients[name] as Float32Array, other.gradients[name] as Float32Array, 1e-2, name);
      }
    });
  }

  it("is switched off by LMSPT_CUDA_WGMMA=0, device by device, and takes no negative scale", () =>
    withSettings({ LMSPT_CUDA_WGMMA: "0" }, async (device) => {
      const g = { queries: 70, keys: 90, size: 64 };
      const inputs = inputsOf(g);
      const gy = randomFloats(inputs.q.data.length, 4);
      const run = (on: Device, scale?: number) =>
        computeGradients(on, inputs, gy, "bf16", ({ q, k, v }) => attention(q, k, v, { scale }));
      const start = isEmulated ? launches() : 0;
      const off = await run(device);
      await run(cuda, -0.125);
      if (isEmulated) assert.equal(launches(), start);
      const on = await run(cuda);
      if (isEmulated) assert(launches() > start);
      assertClose(on.y as Float32Array, off.y as Float32Array, 4e-3);
      for (const name of ["q", "k", "v"] as const) {
        assertClose(on.gradients[name] as Float32Array, off.gradients[name] as Float32Array, 1e-2, name);
      }
    }));
});

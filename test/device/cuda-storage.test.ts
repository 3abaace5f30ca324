/** Values that plans in bf16 store as bf16 numbers between their kernels on CUDA. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import * as ops from "../../lib/graph/ops/index.js";
import { Variable } from "../../lib/graph/variable.js";
import { toBf16 } from "../gemm/bf16-model.js";
import { compute } from "../gemm/support.js";
import { assertClose, randomFloats } from "../golden.js";
import { randomTensor, type TensorData } from "../ops/support.js";
import { isEmulated, launchesOf, openCuda, withoutStorage } from "./cuda-device.js";

interface Product {
  readonly name: string;
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly build: (x: Value, w: Value) => Value;
}

/** Rows by fours, by twos and singly; taps that are shifts, and taps that are not. */
const products: readonly Product[] = [
  {
    name: "convolution of shifted rows",
    x: [2, 70, 32],
    w: [24, 32, 7],
    build: (x, w) => ops.conv1d(x, w, undefined, { padLeft: 9, padRight: 9, dilation: 3 }),
  },
  {
    name: "strided convolution",
    x: [1, 64, 16],
    w: [33, 16, 4],
    build: (x, w) => ops.conv1d(x, w, undefined, { stride: 2, padLeft: 1, padRight: 1 }),
  },
  { name: "convolution of odd channels", x: [1, 40, 21], w: [17, 21, 3], build: (x, w) => ops.conv1d(x, w) },
  {
    name: "transposed convolution",
    x: [2, 20, 16],
    w: [16, 8, 8],
    build: (x, w) => ops.convTranspose1d(x, w, undefined, { stride: 4, padLeft: 2, padRight: 2 }),
  },
  { name: "linear layer", x: [3, 11, 48], w: [50, 48], build: (x, w) => ops.linear(x, w) },
];

describe("storage in bf16 on CUDA", () => {
  let cuda: Device;
  before(() => {
    cuda = openCuda();
  });
  after(() => cuda.close());

  for (const { name, x, w, build } of products) {
    const inputs = { x: randomTensor(x, 1), w: randomTensor(w, 2) };

    it(`a ${name} gives bf16 numbers to what can read them`, async () => {
      const plain = await withoutStorage(() => compute(cuda, inputs, "bf16", ({ x, w }) => build(x, w)));
      const stored = await compute(cuda, inputs, "bf16", ({ x, w }) => ops.neg(build(x, w)));
      assert.deepEqual(
        stored,
        plain.map((value) => -toBf16(value)),
      );
    });

    it(`a ${name} takes bf16 numbers, as which it would round them`, async () => {
      const read = () => compute(cuda, inputs, "bf16", ({ x, w }) => build(ops.neg(x), w));
      assert.deepEqual(await read(), await withoutStorage(read));
    });

    it(`a ${name} in another precision, or as an output, has float32 numbers`, async () => {
      for (const precision of ["fp32", "bf16x3", "tf32"] as const) {
        const run = () => compute(cuda, inputs, precision, ({ x, w }) => ops.neg(build(ops.neg(x), w)));
        assert.deepEqual(await run(), await withoutStorage(run), precision);
      }
      const output = () => compute(cuda, inputs, "bf16", ({ x, w }) => build(x, w));
      const values = await output();
      assert.deepEqual(values, await withoutStorage(output));
      assert(values.some((value) => value !== toBf16(value)));
    });
  }

  it("sums, Snake and shapes in between keep to it", async () => {
    const inputs = {
      x: randomTensor([2, 30, 32], 1),
      v: randomTensor([32, 32, 3], 2),
      w: randomTensor([16, 32], 3),
      a: randomTensor([32], 4),
    };
    const build = ({ x, v, w, a }: Record<keyof typeof inputs, Value>) => {
      const y = ops.conv1d(x, v, undefined, { padLeft: 1, padRight: 1 });
      const z = ops.reshape(ops.mul(ops.gelu(ops.snake(y, ops.exp(a))), ops.exp(a)), [60, 32]);
      return ops.linear(z, w);
    };
    const stored = await compute(cuda, inputs, "bf16", build);
    const plain = await withoutStorage(() => compute(cuda, inputs, "bf16", build));
    assert.notDeepEqual(stored, plain);
    assertClose(stored, plain, 2e-2);
  });

  it("a convolution of samples, in float32, gives bf16 numbers to a product", async () => {
    const inputs = { x: randomTensor([2, 300, 1], 1), w: randomTensor([32, 1, 7], 2), v: randomTensor([16, 32, 3], 3) };
    const build = ({ x, w, v }: Record<keyof typeof inputs, Value>) => ops.conv1d(ops.conv1d(x, w), v);
    const before = isEmulated ? launchesOf("thin_samples_kernel<true>") : 0;
    const stored = await compute(cuda, inputs, "bf16", build);
    if (isEmulated) assert.equal(launchesOf("thin_samples_kernel<true>") - before, 1);
    assert.deepEqual(stored, await withoutStorage(() => compute(cuda, inputs, "bf16", build)));
  });

  for (const channels of [24, 36, 42]) {
    it(`a single output, in float32, takes bf16 numbers of ${channels} channels from a product`, async () => {
      const inputs = {
        x: randomTensor([2, 600, 16], 1),
        w: randomTensor([channels, 16, 3], 2),
        a: randomTensor([channels], 3),
        v: randomTensor([1, channels, 7], 4),
        b: randomTensor([1], 5),
      };
      const build = ({ x, w, a, v, b }: Record<keyof typeof inputs, Value>) =>
        ops.conv1d(ops.snake(ops.conv1d(x, w), ops.exp(a)), v, b, { padLeft: 3, padRight: 3 });
      const { x, w, ...rest } = inputs;
      const between = await withoutStorage(() => compute(cuda, { x, w }, "bf16", ({ x, w }) => ops.conv1d(x, w)));
      const rounded = { ...rest, x: { data: between.map(toBf16), shape: [2, 598, channels] } };
      const expected = await compute(cuda, rounded, "fp32", ({ x, a, v, b }) =>
        ops.conv1d(ops.snake(x, ops.exp(a)), v, b, { padLeft: 3, padRight: 3 }),
      );
      assertClose(await compute(cuda, inputs, "bf16", build), expected, 1e-4);
      assert.notDeepEqual(await compute(cuda, inputs, "bf16", build), expected);
    });
  }

  it("a residual unit is as near to float32 as one that rounds where it must", async () => {
    for (const channels of [32, 36]) {
      const inputs = {
        x: randomTensor([1, 200, channels], 1),
        v: randomTensor([channels, channels, 7], 2),
        w: randomTensor([channels, channels, 1], 3),
        a: randomTensor([channels], 4),
      };
      const unit = (x: Value, { v, w, a }: Record<"v" | "w" | "a", Value>) => {
        const inner = ops.conv1d(ops.snake(x, a), ops.affine(v, 0.05, 0), undefined, { padLeft: 3, padRight: 3 });
        return ops.add(x, ops.conv1d(ops.snake(inner, a), ops.affine(w, 0.1, 0)));
      };
      const build = ({ x, ...weights }: Record<keyof typeof inputs, Value>) =>
        ops.neg(unit(unit(unit(ops.neg(x), weights), weights), weights));
      const exact = await compute(cuda, inputs, "fp32", build);
      const plain = await withoutStorage(() => compute(cuda, inputs, "bf16", build));
      const stored = await compute(cuda, inputs, "bf16", build);
      const error = (values: Float32Array) =>
        Math.sqrt(values.reduce((sum, value, i) => sum + (value - exact[i]!) ** 2, 0) / exact.length);
      const scale = Math.sqrt(exact.reduce((sum, value) => sum + value ** 2, 0) / exact.length);
      // Each of the four values in between is rounded once, by up to 2^-9 of itself.
      assert(error(stored) <= error(plain) + 4 * scale * 2 ** -9, `${error(stored)}, ${error(plain)}`);
      assert.notDeepEqual(stored, plain);
    }
  });

  it("gradients of weights take bf16 numbers, as which they would round them", async () => {
    const images = { x: randomTensor([2, 9, 7, 8], 1), w: randomTensor([12, 8, 3, 3], 2) };
    const layers = [
      ...products.map(({ x, w, build }) => ({ inputs: { x: randomTensor(x, 1), w: randomTensor(w, 2) }, build })),
      { inputs: images, build: (x: Value, w: Value) => ops.conv2d(x, w, undefined, { pad: [1, 1], stride: [1, 2] }) },
    ];
    for (const { inputs, build } of layers) {
      const gradient = () =>
        compute(cuda, inputs, "bf16", ({ x, w }) => {
          const y = build(ops.neg(x), w);
          const gradient = w.graph.gradients([ops.sum(y)], [w])[0]!;
          return ops.add(gradient, ops.affine(w, 0, 0)); // which else would be no input
        });
      const [stored, plain] = [await gradient(), await withoutStorage(gradient)];
      assert.deepEqual(stored, plain);
    }
  });

  it("the L1 distance reads bf16 numbers, and its gradient is some", async () => {
    const inputs = { x: randomTensor([3, 11, 32], 1), v: randomTensor([20, 32], 2), w: randomTensor([20, 32], 3) };
    const { x, v, w } = inputs;
    const layer = async (w: TensorData) => {
      const read = () => compute(cuda, { x, w }, "bf16", ({ x, w }) => ops.linear(x, w));
      return (await withoutStorage(read)).map(toBf16);
    };
    const [a, b] = [await layer(v), await layer(w)];
    const distance = await compute(cuda, inputs, "bf16", ({ x, v, w }) =>
      ops.l1Distance(ops.linear(x, v), ops.linear(x, w)),
    );
    const mean = a.reduce((sum, value, i) => sum + Math.abs(value - b[i]!), 0) / a.length;
    assertClose(distance, Float32Array.of(mean), 1e-6);
    const gradient = await compute(cuda, inputs, "bf16", ({ x, v, w }) => {
      const y = ops.linear(x, v);
      const [gy, gx] = x.graph.gradients([ops.l1Distance(y, ops.linear(x, w))], [y, x]);
      return ops.add(ops.sum(ops.mul(gx!, 0)), ops.neg(gy!));
    });
    assert.deepEqual(
      gradient,
      a.map((value, i) => 0 - toBf16(Math.fround(Math.sign(value - b[i]!) / a.length))),
    );
  });

  it("gradients are as near to float32 as bf16 allows", async () => {
    const channels = 32;
    const inputs = {
      x: randomTensor([2, 64, channels], 1),
      v: randomTensor([channels, channels, 3], 2),
      w: randomTensor([channels, channels, 3], 3),
      a: randomTensor([channels], 4),
      b: randomTensor([channels], 5),
    };
    type Names = keyof typeof inputs;
    const gradientOf = (name: Names) => (values: Record<Names, Value>) => {
      const { x, v, w, a, b } = values;
      const padding = { padLeft: 1, padRight: 1 };
      const y = ops.conv1d(
        ops.snake(ops.conv1d(x, ops.affine(v, 0.1, 0), b, padding), a),
        ops.affine(w, 0.1, 0),
        b,
        padding,
      );
      const loss = ops.mean(ops.square(ops.leakyRelu(y, 0.1)));
      return loss.graph.gradients([loss], [values[name]])[0]!;
    };
    const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
    for (const name of Object.keys(inputs) as Names[]) {
      const exact = await compute(cuda, inputs, "fp32", gradientOf(name));
      const plain = await withoutStorage(() => compute(cuda, inputs, "bf16", gradientOf(name)));
      const stored = await compute(cuda, inputs, "bf16", gradientOf(name));
      const error = (values: Float32Array) => norm(values.map((value, i) => value - exact[i]!)) / norm(exact);
      assert(error(stored) <= 3 * Math.max(error(plain), 2 ** -9), `${name}: ${error(stored)}, ${error(plain)}`);
      assert.notDeepEqual(stored, plain, name);
    }
  });

  it("what depends on frozen variables alone is kept apart from its float32 form", async () => {
    const variables = [1, 2].map((seed) => Variable.from(randomFloats(20 * 32, seed), [20, 32]));
    const w = randomFloats(16 * 32, 3);
    const product = async (precision: "bf16" | "fp32") => {
      const graph = new Graph();
      const sum = ops.add(...(variables.map((variable) => graph.variable(variable)) as [Value, Value]));
      const y = ops.linear(sum, graph.input("w", [16, 32]));
      const plan = await graph.compile(cuda, { y }, [], { precision });
      const { y: result } = await plan.run({ w });
      plan.close();
      return result as Float32Array;
    };
    const first = { bf16: await product("bf16"), fp32: await product("fp32") };
    assertClose(first.bf16, first.fp32, 1e-2);
    assert.deepEqual({ fp32: await product("fp32"), bf16: await product("bf16") }, first);
  });

  it("convolutions that are no matrix products have float32 numbers, whatever algorithm was asked for", async () => {
    const inputs = { x: randomTensor([1, 50, 16], 1), w: randomTensor([2, 16, 7], 2) };
    const run = () =>
      compute(cuda, inputs, "bf16", ({ x, w }) =>
        ops.neg(ops.conv1d(ops.neg(x), w, undefined, { padLeft: 3, padRight: 3, winograd: true })),
      );
    const values = await run();
    assert.deepEqual(values, await withoutStorage(run));
    assertClose(
      values,
      await compute(cuda, inputs, "fp32", ({ x, w }) => ops.conv1d(x, w, undefined, { padLeft: 3, padRight: 3 })),
      1e-2,
    );
  });

  it("plans need half the memory for such values", async () => {
    const memory = async () => {
      const graph = new Graph();
      const weights = (seed: number) => graph.constant(randomFloats(32 * 32 * 3, seed), [32, 32, 3]);
      let y = graph.input("x", [1, 4096, 32]);
      for (let i = 0; i < 4; i++) y = ops.conv1d(y, weights(i), undefined, { padLeft: 1, padRight: 1 });
      const plan = await graph.compile(cuda, { y: ops.mean(y) }, [], { precision: "bf16" });
      const { memory } = plan;
      plan.close();
      return memory;
    };
    const [stored, plain] = [await memory(), await withoutStorage(memory)];
    assert(stored <= 0.8 * plain, `${stored} of ${plain}`); // the input stays float32
  });

  it("a row has the same bits in any batch", async () => {
    const [rows, channels] = [40, 32];
    const all = randomTensor([3, rows, channels], 5);
    const weights = { v: randomTensor([channels, channels, 3], 6), w: randomTensor([channels, channels], 7) };
    const run = (x: TensorData) =>
      compute(cuda, { x, ...weights }, "bf16", ({ x, v, w }) =>
        ops.linear(ops.gelu(ops.conv1d(x, v, undefined, { padLeft: 1, padRight: 1 })), w),
      );
    const together = await run(all);
    for (let item = 0; item < 3; item++) {
      const part = <Floats extends TensorData["data"]>(data: Floats) =>
        data.slice(item * rows * channels, (item + 1) * rows * channels);
      assert.deepEqual(await run({ shape: [1, rows, channels], data: part(all.data) }), part(together));
    }
  });
});

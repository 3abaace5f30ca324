import assert from "node:assert/strict";
import { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import { add, affine, conv1d, mul, reshape, snake, sum } from "../../lib/graph/ops/index.js";
import { Variable } from "../../lib/graph/variable.js";

const trainable = (...values: number[]) => Variable.from(Float32Array.from(values), [values.length], { frozen: false });

describe("variables that plans update", () => {
  let device: Device;
  before(() => {
    device = Device.open("cpu");
  });
  after(() => device.close());

  const read = async (...variables: Variable[]) => (await device.read(variables)).map((data) => [...data]);

  it("hold what the last run gave them, and the next run begins with it", async () => {
    const counter = trainable(1, 10);
    const graph = new Graph();
    const next = add(graph.variable(counter), graph.input("by", []));
    const plan = await graph.compile(device, { next }, [[counter, next]]);
    assert.deepEqual([...(await plan.run({ by: Float32Array.of(2) })).next], [3, 12]);
    assert.deepEqual([...(await plan.run({ by: Float32Array.of(3) })).next], [6, 15]);
    assert.deepEqual(await read(counter), [[6, 15]]);
  });

  it("are written where they lie: a plan that only adds has no copy of them", async () => {
    const big = Variable.from(new Float32Array(1 << 20), [1 << 20], { frozen: false });
    const graph = new Graph();
    const next = add(graph.variable(big), graph.input("by", []));
    const plan = await graph.compile(device, { total: sum(next) }, [[big, next]]);
    assert(plan.memory < 4096, `${plan.memory} bytes`);
    assert.deepEqual([...(await plan.run({ by: Float32Array.of(1) })).total], [1 << 20]);
    assert.deepEqual([...(await plan.run({ by: Float32Array.of(1) })).total], [2 << 20]);
  });

  it("keep their old value for whoever reads it later in the run", async () => {
    const variable = trainable(1, 2);
    const graph = new Graph();
    const old = graph.variable(variable);
    const next = affine(old, 10);
    const both = add(next, mul(old, 3)); // reads the old value after the new one is known
    const plan = await graph.compile(device, { both }, [[variable, next]]);
    assert.deepEqual([...(await plan.run({})).both], [13, 26]);
    assert.deepEqual(await read(variable), [[10, 20]]);
  });

  it("are all computed from the old values: two may change places", async () => {
    const [a, b] = [trainable(1, 2), trainable(3, 4)];
    const graph = new Graph();
    const [oldA, oldB] = [graph.variable(a), graph.variable(b)];
    const plan = await graph.compile(device, { sum: add(oldA, oldB) }, [
      [a, affine(oldB, 1)],
      [b, affine(oldA, 1)],
    ]);
    await plan.run({});
    assert.deepEqual(await read(a, b), [
      [3, 4],
      [1, 2],
    ]);
    await plan.run({});
    assert.deepEqual(await read(a, b), [
      [1, 2],
      [3, 4],
    ]);
  });

  it("take views, folded constants and one value for several variables", async () => {
    const [a, b, c] = [trainable(1, 2), trainable(5, 6), trainable(7, 8)];
    const graph = new Graph();
    const doubled = reshape(affine(reshape(graph.variable(a), [2, 1]), 2), [2]);
    const plan = await graph.compile(device, {}, [
      [a, doubled],
      [b, doubled],
      [c, graph.fill([2], 9)],
    ]);
    await plan.run({});
    await plan.run({});
    assert.deepEqual(await read(a, b, c), [
      [4, 8],
      [4, 8],
      [9, 9],
    ]);
  });

  it("take a value that would otherwise be fused into its reader", async () => {
    const x = Float32Array.from({ length: 8 }, (_, i) => i / 4);
    const kept = trainable(...new Array(8).fill(0));
    const graph = new Graph();
    const given = graph.input("x", [1, 4, 2]);
    const bent = snake(given, graph.constant(Float32Array.of(1, 2), [2]));
    const y = add(given, conv1d(bent, graph.fill([2, 2, 1], 0.5)));
    const plan = await graph.compile(device, { y, bent: reshape(bent, [8]) }, [[kept, affine(reshape(bent, [8]), 1)]]);
    const alone = await graph.compile(device, { y }, [[kept, reshape(bent, [8])]]);
    const expected = await plan.run({ x });
    await alone.run({ x });
    assert.deepEqual(await read(kept), [[...expected.bent]]);
  });

  it("are seen by other plans, packed weights included", async () => {
    const weight = Variable.from(Float32Array.of(1, 2, 3, 4), [2, 2], { frozen: false });
    const use = new Graph();
    const x = use.input("x", [1, 2]);
    const product = await use.compile(device, { y: use.apply("linear", [x, use.variable(weight)])[0]! });
    const change = new Graph();
    const plan = await change.compile(device, {}, [[weight, affine(change.variable(weight), -1)]]);
    const ask = async () => [...(await product.run({ x: Float32Array.of(1, 10) })).y];
    assert.deepEqual(await ask(), [21, 43]);
    await plan.run({});
    assert.deepEqual(await ask(), [-21, -43]);
  });

  it("can be written from outside between runs", async () => {
    const variable = trainable(1);
    const graph = new Graph();
    const plan = await graph.compile(device, {}, [[variable, affine(graph.variable(variable), 1, 1)]]);
    await plan.run({});
    variable.write(Float32Array.of(40));
    await plan.run({});
    assert.deepEqual(await read(variable), [[41]]);
  });

  it("are read in the order of asking, runs under way included", async () => {
    const variable = trainable(0);
    const graph = new Graph();
    const plan = await graph.compile(device, {}, [[variable, affine(graph.variable(variable), 1, 1)]]);
    const runs = [1, 2, 3].map(() => plan.run({}));
    const [seen] = await read(variable);
    await Promise.all(runs);
    assert.deepEqual(seen, [3]);
  });

  it("are refused where they cannot be", async () => {
    const graph = new Graph();
    const variable = trainable(1, 2);
    const value = graph.variable(variable);
    const frozen = Variable.from(Float32Array.of(1, 2), [2]);
    const compile = (outputs: object, target: Variable, to = affine(value, 2)) =>
      graph.compile(device, outputs as Record<string, typeof value>, [[target, to]]);
    await assert.rejects(compile({}, frozen), { code: "ERR_LMSPT_INVALID_ARGUMENT", message: /not frozen/ });
    await assert.rejects(compile({}, trainable(1)), { code: "ERR_LMSPT_SHAPE", message: /shape \[1\], got \[2\]/ });
    await assert.rejects(compile({}, trainable(1, 2), graph.input("x", [2])), {
      message: /that an operation computes/,
    });
    await assert.rejects(compile({}, trainable(1, 2), reshape(value, [2])), { message: /that an operation computes/ });
    await assert.rejects(compile({ old: value }, variable), { message: /take its new value instead/ });
    await assert.rejects(compile({}, variable, new Graph().fill([2], 1)), { code: "ERR_LMSPT_INVALID_ARGUMENT" });
  });
});

import assert from "node:assert/strict";
import { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import { add, linear, mul, tanh, weightNorm } from "../../lib/graph/ops/index.js";
import { Variable } from "../../lib/graph/variable.js";
import { randomFloats } from "../golden.js";
import { ResidualUnit } from "./support.js";

describe("folding", () => {
  let device: Device;
  before(() => {
    device = Device.open("cpu");
  });
  after(() => device.close());

  const opsOf = async (unit: ResidualUnit, length: number) => {
    const plan = await unit.compile(device, length);
    const { steps } = await plan.trace({ x: randomFloats(length * unit.channels, 1) });
    return steps.map(({ op }) => op);
  };

  it("prepares frozen weights before the first run, for plans of every length", async () => {
    const unit = new ResidualUnit(16);
    for (const length of [10, 50, 11]) assert.deepEqual(await opsOf(unit, length), ["conv1d", "conv1d"]);
  });

  it("prepares weights that are not frozen in every run", async () => {
    const ops = await opsOf(new ResidualUnit(16, false), 10);
    assert.deepEqual(ops.filter((op) => op !== "conv1d").sort(), [
      "pack_conv1d",
      "pack_conv1d",
      "weight_norm",
      "weight_norm",
    ]);
  });

  it("keeps prepared weights once, however many plans use them", async () => {
    const size = 2048; // 16 MiB a matrix; normalised and packed, 32 MiB more
    const frozen = (seed: number, shape: number[]) =>
      Variable.from(
        randomFloats(
          shape.reduce((a, b) => a * b),
          seed,
        ),
        shape,
      );
    const [v, g] = [frozen(1, [size, size]), frozen(2, [size])];
    const compile = (rows: number) => {
      const graph = new Graph();
      const w = weightNorm(graph.variable(v), graph.variable(g));
      return graph.compile(device, { y: linear(graph.input("x", [rows, size]), w) });
    };
    const plans = [await compile(1)];
    const before = process.memoryUsage().rss;
    for (let rows = 2; rows <= 8; rows++) plans.push(await compile(rows));
    const grown = (process.memoryUsage().rss - before) / 2 ** 20;
    assert(grown < 24, `${grown} MiB more for seven plans`);
    const x = randomFloats(size, 3);
    const [first, second] = [await plans[0]!.run({ x }), await plans[1]!.run({ x: Float32Array.from([...x, ...x]) })];
    assert.deepEqual(second.y.slice(0, size), first.y);
  });

  it("computes what depends on constants alone when compiling", async () => {
    const graph = new Graph();
    const table = tanh(graph.constant(Float32Array.of(0.5, 1), [2]));
    const plan = await graph.compile(device, { y: add(graph.input("x", [2]), mul(table, 2)) });
    const { steps, outputs } = await plan.trace({ x: new Float32Array(2) });
    assert.deepEqual(
      steps.map(({ op }) => op),
      ["add"],
    );
    assert(Math.abs(outputs.y[0]! - 2 * Math.tanh(0.5)) < 1e-6);
  });

  it("tells apart attributes, variables and devices", async () => {
    const variable = Variable.from(Float32Array.of(1, 2), [2]);
    const other = Variable.from(Float32Array.of(10, 20), [2]);
    await using second = Device.open("cpu", { threads: 1 });
    const graph = new Graph();
    const [a, b] = [graph.variable(variable), graph.variable(other)];
    const outputs = {
      twice: mul(a, 2),
      thrice: mul(a, 3),
      scaled: graph.apply("affine", [a], { a: 2, b: 1 })[0]!,
      sum: add(a, b),
    };
    for (const where of [device, second, device]) {
      const { twice, thrice, scaled, sum } = await (await graph.compile(where, outputs)).run({});
      assert.deepEqual(
        [[...twice], [...thrice], [...scaled], [...sum]],
        [
          [2, 4],
          [3, 6],
          [3, 5],
          [11, 22],
        ],
      );
    }
  });

  it("tells an absent input from one that is there", async () => {
    const x = Variable.from(Float32Array.of(1, 2, 3, 4), [1, 2, 2]);
    const w = Variable.from(Float32Array.of(1, 0, 0, 1), [2, 2, 1]);
    const a = Variable.from(Float32Array.of(1, 2), [2]);
    const run = async (inputs: readonly (Variable | undefined)[]) => {
      const graph = new Graph();
      const values = inputs.map((variable) => variable && graph.variable(variable));
      const { y } = await (await graph.compile(device, { y: graph.apply("conv1d", values)[0]! })).run({});
      return y;
    };
    const withAlpha = await run([x, w, undefined, a]);
    assert.deepEqual(await run([x, w, a]), Float32Array.of(2, 4, 4, 6));
    assert.notDeepEqual(withAlpha, Float32Array.of(2, 4, 4, 6));
  });

  it("gives memory back when variables and plans are closed, and says so to later users", async () => {
    const variable = Variable.from(Float32Array.of(1, 2), [2]);
    const graph = new Graph();
    const plan = await graph.compile(device, { y: mul(graph.variable(variable), 2) });
    const running = plan.run({});
    plan.close();
    variable.close();
    assert.deepEqual((await running).y, Float32Array.of(2, 4));
    await assert.rejects(plan.run({}), { code: "ERR_LMSPT_CLOSED" });
    assert.throws(() => variable.read(), { code: "ERR_LMSPT_CLOSED" });
    await assert.rejects(graph.compile(device, { y: mul(graph.variable(variable), 3) }), { code: "ERR_LMSPT_CLOSED" });
  });
});

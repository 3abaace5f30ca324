import assert from "node:assert/strict";
import { LmsptError } from "../../lib/errors.js";
import { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import * as ops from "../../lib/graph/ops/index.js";
import { Variable } from "../../lib/graph/variable.js";
import { randomFloats } from "../golden.js";
import { ResidualUnit } from "./support.js";

describe("plan", () => {
  let device: Device;
  before(() => {
    device = Device.open("cpu");
  });
  after(() => device.close());

  it("gives out inputs, constants, variables, folded values and views of all of them", async () => {
    const graph = new Graph();
    const data = Float32Array.of(1, 2, 3, 4);
    const x = graph.input("x", [4]);
    const constant = graph.constant(Float32Array.of(5, 6), [2]);
    const frozen = graph.variable(Variable.from(Float32Array.of(7, 8), [2]));
    const free = graph.variable(Variable.from(Float32Array.of(9, 10), [2], { frozen: false }));
    const as2d = (value: typeof x) => ops.reshape(value, [2, value.dim(0) / 2]);
    const outputs = {
      x,
      constant,
      frozen,
      free,
      viewOfInput: as2d(x),
      viewOfConstant: as2d(constant),
      viewOfFrozen: as2d(frozen),
      viewOfFree: as2d(free),
      folded: ops.add(constant, frozen),
      viewOfFolded: as2d(ops.mul(constant, frozen)),
      viewOfView: ops.reshape(ops.stopGradient(as2d(ops.neg(x))), [1, 4]),
    };
    const plan = await graph.compile(device, outputs);
    const expected = {
      x: [1, 2, 3, 4],
      constant: [5, 6],
      frozen: [7, 8],
      free: [9, 10],
      viewOfInput: [1, 2, 3, 4],
      viewOfConstant: [5, 6],
      viewOfFrozen: [7, 8],
      viewOfFree: [9, 10],
      folded: [12, 14],
      viewOfFolded: [35, 48],
      viewOfView: [-1, -2, -3, -4],
    };
    const results = await plan.run({ x: data });
    assert.deepEqual(Object.fromEntries(Object.entries(results).map(([name, value]) => [name, [...value]])), expected);
    assert.deepEqual(
      plan.outputs.map(({ name, shape }) => [name, shape]),
      Object.entries(outputs).map(([name, { shape }]) => [name, shape]),
    );
  });

  it("needs only the inputs that the outputs depend on", async () => {
    const graph = new Graph();
    const [x] = [graph.input("x", [1]), graph.input("unused", [5])];
    const plan = await graph.compile(device, { y: ops.neg(x) });
    assert.deepEqual(
      plan.inputs.map(({ name }) => name),
      ["x"],
    );
    assert.deepEqual((await plan.run({ x: Float32Array.of(3) })).y, Float32Array.of(-3));
  });

  it("gives out one value under several names, in memory of their own", async () => {
    const graph = new Graph();
    const y = ops.neg(graph.input("x", [2]));
    const plan = await graph.compile(device, { first: y, second: y });
    const { first, second } = await plan.run({ x: Float32Array.of(1, 2) });
    first[0] = 99;
    assert.deepEqual(second, Float32Array.of(-1, -2));
  });

  it("says which input is missing, unknown, of another type or length", async () => {
    const graph = new Graph();
    const sum = ops.add(graph.input("x", [2]), graph.input("y", [2]));
    const plan = await graph.compile(device, { sum });
    const two = new Float32Array(2);
    const code = "ERR_LMSPT_INVALID_ARGUMENT";
    await assert.rejects(plan.run({ x: two }), { code, message: /for the input y/ });
    await assert.rejects(plan.run({ x: two, y: two, z: two }), { code, message: /only x, y .* "z"/ });
    await assert.rejects(plan.run({ x: two, y: new Int32Array(2) }), {
      code,
      message: /a Float32Array for the input y/,
    });
    await assert.rejects(plan.run({ x: two, y: new Float32Array(3) }), { code, message: /2 elements .* received 3/ });
  });

  it("copies its inputs before it returns", async () => {
    const graph = new Graph();
    const plan = await graph.compile(device, { y: ops.neg(graph.input("x", [1])) });
    const x = Float32Array.of(1);
    const first = plan.run({ x });
    x[0] = 2;
    const second = plan.run({ x });
    x[0] = 3;
    assert.deepEqual([(await first).y[0], (await second).y[0]], [-1, -2]);
  });

  it("sees what is written to a variable that is not frozen; a frozen one refuses", async () => {
    const graph = new Graph();
    const variable = Variable.from(Float32Array.of(1, 2), [2], { frozen: false });
    const plan = await graph.compile(device, { y: ops.mul(graph.variable(variable), 10) });
    assert.deepEqual((await plan.run({})).y, Float32Array.of(10, 20));
    variable.write(Float32Array.of(3, 4));
    assert.deepEqual((await plan.run({})).y, Float32Array.of(30, 40));
    assert.deepEqual(variable.read(), Float32Array.of(3, 4));
    const frozen = Variable.from(Float32Array.of(1), [1]);
    assert.throws(() => frozen.write(Float32Array.of(2)), {
      code: "ERR_LMSPT_INVALID_ARGUMENT",
      message: /frozen: false/,
    });
  });

  it("traces every step with its shape, time and range", async () => {
    const graph = new Graph();
    const x = graph.input("x", [2, 3]);
    const y = ops.sum(ops.div(1, ops.neg(x)), { axes: [1], keep: true });
    const plan = await graph.compile(device, { y });
    const { outputs, steps } = await plan.trace({ x: Float32Array.of(1, 2, 4, -1, -2, 0) });
    assert.deepEqual(
      steps.map(({ op, shape }) => [op, shape]),
      [
        ["neg", "[2, 3]"],
        ["div", "[2, 3]"],
        ["sum", "[2, 1]"],
      ],
    );
    assert.deepEqual([steps[0]!.minimum, steps[0]!.maximum, steps[0]!.finite], [-4, 2, true]);
    assert.deepEqual([steps[1]!.finite, steps[2]!.finite], [false, false]);
    for (const { milliseconds } of steps) assert(milliseconds >= 0 && milliseconds < 1000);
    assert.deepEqual(outputs.y, (await plan.run({ x: Float32Array.of(1, 2, 4, -1, -2, 0) })).y);
  });

  it("gives the same bits every time, whatever other plans do in between", async () => {
    const unit = new ResidualUnit(24);
    const x = randomFloats(97 * 24, 1);
    const plan = await unit.compile(device, 97);
    const alone = (await plan.run({ x })).y;
    const others = await Promise.all([5, 300, 1000].map((length) => unit.compile(device, length)));
    const results = await Promise.all([
      plan.run({ x }),
      ...others.map((other) => other.run({ x: randomFloats(other.inputs[0]!.shape[1]! * 24, 2) })),
      plan.run({ x }),
    ]);
    assert.deepEqual(results[0]!.y, alone);
    assert.deepEqual(results.at(-1)!.y, alone);
  });

  it("exists in any number", async () => {
    const plans = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const graph = new Graph();
        return graph.compile(device, { y: ops.sum(ops.mul(graph.input("x", [i + 1]), i)) });
      }),
    );
    const results = await Promise.all(plans.map((plan, i) => plan.run({ x: new Float32Array(i + 1).fill(1) })));
    assert.deepEqual(
      results.map(({ y }) => y[0]),
      plans.map((_, i) => i * (i + 1)),
    );
  });

  it("rejects with a typed error and the caller's stack where memory is not to be had", async () => {
    const graph = new Graph();
    const huge = ops.broadcastTo(graph.input("x", [1]), [2 ** 39]);
    const plan = await graph.compile(device, { y: ops.sum(ops.exp(huge)) });
    assert(plan.memory >= 2 ** 41);
    const run = async () => plan.run({ x: Float32Array.of(1) });
    await assert.rejects(run(), (error) => {
      assert(error instanceof LmsptError);
      assert.equal(error.code, "ERR_LMSPT_OUT_OF_MEMORY");
      assert.match(error.message, /bytes of memory/);
      assert.match(error.stack!, /plan\.test/);
      return true;
    });
    const small = await graph.compile(device, { y: ops.neg(graph.input("z", [1])) });
    assert.deepEqual((await small.run({ z: Float32Array.of(1) })).y, Float32Array.of(-1), "the device goes on");
  });
});

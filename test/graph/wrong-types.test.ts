import assert from "node:assert/strict";
import { LmsptError } from "../../lib/errors.js";
import { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import * as ops from "../../lib/graph/ops/index.js";
import type { Plan } from "../../lib/graph/plan.js";
import { Variable } from "../../lib/graph/variable.js";
import { assertRefused, wrong } from "../refusals.js";

const shared = (elements: number) => new Float32Array(new SharedArrayBuffer(4 * elements));
const ON_SHARED = "Expected a Float32Array of this thread alone for ";

describe("arguments of a wrong type", () => {
  let device: Device;
  let graph: Graph;
  let x: Value;
  let plan: Plan<"y">;
  before(async () => {
    device = Device.open("cpu");
    graph = new Graph();
    x = graph.input("x", [1, 10, 4]);
    plan = await graph.compile(device, { y: ops.tanh(x) });
  });
  after(() => device.close());

  it("every operation refuses operands that are no values, with a typed error", () => {
    const functions = Object.entries(ops) as [string, (...operands: unknown[]) => Value][];
    assert(functions.length > 40);
    const attempts = [[], [5, 5], [null], [{ graph: 5 }], ["x", "y"], [[5], 0], [{}, {}, {}, {}]];
    for (const [name, operation] of functions) {
      for (const operands of attempts) {
        assert.throws(
          () => operation(...operands),
          (error) => error instanceof LmsptError && error.code === "ERR_LMSPT_INVALID_ARGUMENT",
          `${name}(${JSON.stringify(operands)})`,
        );
      }
    }
  });

  it("operations say what they expected", () =>
    assertRefused([
      [() => ops.add(1, 2), "Expected a Value of a graph for an operand of add but received 2"],
      [() => ops.add(x, wrong("1")), 'Expected a Value or a number for an operand of add but received "1"'],
      [() => ops.concat([], 0), "Expected a Value of a graph for an operand of concat but received undefined"],
      [() => ops.concat(wrong(x), 0), "Expected an array for the operands of concat but received an object of Value"],
      [
        () => ops.pad(x, 1, 1, 1, wrong("edge")),
        'Expected "zeros" or "reflect" for the mode of pad but received "edge"',
      ],
      [() => ops.sum(x, { axes: wrong(5) }), "Expected an array for axes but received 5"],
      [() => ops.sum(x, wrong(null)), "Expected an object for the options but received null"],
      [() => ops.conv1d(x, x, x, wrong(5)), "Expected an object for the options but received 5"],
      [() => ops.conv1d(x, x, x, { stride: wrong("2") }), "Expected a number, a boolean or a list of integers"],
      [() => ops.conv2d(x, x, x, { pad: wrong([1]) }), "Expected a number or a pair of numbers for pad"],
      [
        () => ops.matmul(x, x, { transposeA: wrong("yes") }),
        'Expected true or false for transposeA but received "yes"',
      ],
    ]));

  it("axes that are not there are errors of shape", () => {
    const calls = [() => ops.sum(x, { axes: [3] }), () => ops.slice(x, -4, 0, 1), () => x.dim(3), () => x.dim(0.5)];
    for (const call of calls) {
      assert.throws(call, {
        code: "ERR_LMSPT_SHAPE",
        message: /^Expected an axis from -3 to 2 of a value of shape \[1, 10, 4\], got /,
      });
    }
  });

  it("graphs and variables say what they expected", () =>
    assertRefused([
      [() => graph.input(wrong(5), [1]), "Expected a string for the input's name but received 5"],
      [() => graph.input("q", wrong(5)), "Expected an array for the shape but received 5"],
      [() => graph.variable(wrong(undefined)), "Expected a Variable"],
      [() => graph.constant(wrong("x")), 'Expected a Float32Array or an Int32Array for the constant but received "x"'],
      [() => graph.constant(shared(1), [1]), `${ON_SHARED}the constant but received one on a SharedArrayBuffer; pass`],
      [() => graph.apply("tanh", wrong(x)), "Expected an array for the operands"],
      [() => graph.gradients(wrong(x), [x]), "Expected an array for the outputs"],
      [() => graph.compile(wrong(undefined), { x }), "Expected a Device"],
      [() => graph.compile(device, wrong(undefined)), "Expected an object for the outputs but received undefined"],
      [() => graph.serialize({ x }, wrong(5)), "Expected an array for the samples but received 5"],
      [
        () => graph.serialize({ x }, [{ value: x, data: new Float32Array(40), tolerance: wrong("0") }]),
        "Expected a number for a sample's tolerance",
      ],
      [() => Variable.from(wrong(new Float64Array(1)), [1]), "Expected a Float32Array or an Int32Array"],
      [() => Variable.from(shared(1), [1]), `${ON_SHARED}the variable's data but received one on a SharedArrayBuffer`],
      [() => Variable.from(new Float32Array(1), [1], { frozen: wrong("no") }), "Expected true or false for frozen"],
      [() => graph.compile(device, { x }, wrong(5)), "Expected a list or another iterable for the updates"],
      [() => graph.compile(device, { x }, [[wrong(undefined), x]]), "Expected a Variable"],
      [() => device.read(wrong(5)), "Expected an array for variables but received 5"],
      [() => device.read([wrong(null)]), "Expected a Variable"],
      [() => Device.open("cpu", wrong(null)), "Expected an object for the options but received null"],
      [() => Device.open("cpu", { variant: wrong(5) }), "Expected text for variant but received 5"],
      [() => Device.open(wrong(Symbol("gpu"))), 'Expected "auto", "cpu", "cuda" or "cuda:N" for device'],
    ]));

  it("plans say what they expected", () =>
    assertRefused([
      [() => plan.run(wrong(undefined)), "Expected an object for the inputs but received undefined"],
      [() => plan.run({ x: wrong(5) }), "Expected a Float32Array for the input x but received 5"],
      [() => plan.run({ x: new Int32Array(40) }), "Expected a Float32Array for the input x but received a typed array"],
      [
        () => plan.run({ x: shared(40) }),
        `${ON_SHARED}the input x but received one on a SharedArrayBuffer; pass a copy`,
      ],
      [() => plan.trace({ x: shared(40) }), `${ON_SHARED}the input x`],
    ]));

  it("a copy of shared samples is taken", async () => {
    const { y } = await plan.run({ x: shared(40).fill(1).slice() });
    assert.equal(y[0], Math.fround(Math.tanh(1)));
  });
});

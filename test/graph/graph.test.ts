import assert from "node:assert/strict";
import { LmsptError } from "../../lib/errors.js";
import { Device } from "../../lib/graph/device.js";
import { Graph, Value } from "../../lib/graph/graph.js";
import { add, codebookSearch, mul, square, tanh } from "../../lib/graph/ops/index.js";
import { Variable } from "../../lib/graph/variable.js";

describe("graph", () => {
  describe("recording", () => {
    it("an unknown op is an error at the line that names it", () => {
      const graph = new Graph();
      const x = graph.input("x", [2]);
      const line = () => graph.apply("convolve", [x]);
      assert.throws(line, { code: "ERR_LMSPT_INVALID_ARGUMENT", message: 'No op is named "convolve"' });
    });

    it("a native error is an LmsptError with the JavaScript stack of the call", () => {
      const graph = new Graph();
      const x = graph.input("x", [2]);
      const error = (() => {
        try {
          return add(x, graph.input("y", [3]));
        } catch (error) {
          return error;
        }
      })();
      assert(error instanceof LmsptError);
      assert.equal(error.name, "LmsptError");
      assert.match(error.stack!, /graph\.test\.(js|ts)/);
    });

    it("attributes are checked by name, presence and kind", () => {
      const graph = new Graph();
      const x = graph.input("x", [2, 3]);
      const refused: [string, Record<string, never>, RegExp][] = [
        ["slice", { axis: 0, start: 0, length: 1, step: 2 }, /\[slice\] has no attribute named step/],
        ["slice", { axis: 0, start: 0 }, /\[slice\] expected the attribute length/],
        ["slice", { axis: 0.5, start: 0, length: 1 }, /\[slice\] expected an integer for the attribute axis/],
        ["slice", { axis: [0], start: 0, length: 1 }, /\[slice\] expected an integer for the attribute axis/],
        ["reshape", { shape: 6 }, /\[reshape\] expected a list of integers for the attribute shape/],
        ["reshape", { shape: [1.5, 4] }, /Expected an integer for shape/],
        ["reshape", { shape: "6" }, /Expected a number, a boolean or a list of integers for the attribute shape/],
        ["affine", { a: [1], b: 0 }, /\[affine\] expected a number for the attribute a/],
        ["slice", { axis: 0, start: 2 ** 41, length: 1 }, /the attribute start between -2\^40 and 2\^40/],
      ] as never;
      for (const [op, attributes, message] of refused) {
        assert.throws(() => graph.apply(op, [x], attributes), { code: "ERR_LMSPT_INVALID_ARGUMENT", message });
      }
    });

    it("integers are refused where numbers are meant, and the other way round", () => {
      const graph = new Graph();
      const floats = graph.input("floats", [2, 2]);
      const integers = graph.input("integers", [2, 2], "i32");
      for (const [op, inputs] of [
        ["linear", [floats, integers]],
        ["weight_norm", [integers, floats]],
        ["codebook_lookup", [floats, floats]],
        ["codebook_lookup", [integers, integers]],
        ["pack_matrix", [integers]],
      ] as const) {
        assert.throws(() => graph.apply(op, inputs), { code: "ERR_LMSPT_SHAPE" }, op);
      }
      assert.equal(graph.apply("slice", [integers], { axis: 0, start: 0, length: 1 })[0]!.dtype, "i32");
    });

    it("the number of inputs is checked", () => {
      const graph = new Graph();
      const x = graph.input("x", [2]);
      assert.throws(() => graph.apply("add", [x]), { message: "[add] expected 2 to 2 inputs, got 1" });
      assert.throws(() => graph.apply("tanh", [x, x]), { message: "[tanh] expected 1 to 1 inputs, got 2" });
      assert.throws(() => graph.apply("add", [x, undefined]), { code: "ERR_LMSPT_INVALID_ARGUMENT" });
    });

    it("a value of another graph is refused wherever values are taken", async () => {
      const [graph, other] = [new Graph(), new Graph()];
      const [x, foreign] = [graph.input("x", [2]), other.input("x", [2])];
      const expected = { code: "ERR_LMSPT_INVALID_ARGUMENT", message: /a value of this graph/ };
      assert.throws(() => add(x, foreign), expected);
      assert.throws(() => graph.gradients([foreign], [x]), expected);
      assert.throws(() => graph.gradients([x], [foreign]), expected);
      assert.throws(() => graph.serialize({ y: foreign }), expected);
      await using device = Device.open("cpu", { threads: 1 });
      await assert.rejects(graph.compile(device, { y: foreign }), expected);
    });

    it("an input's name is taken once", () => {
      const graph = new Graph();
      graph.input("x", [2]);
      assert.throws(() => graph.input("x", [3]), { code: "ERR_LMSPT_INVALID_ARGUMENT", message: /named "x" already/ });
    });

    it("shapes that cannot be are refused", () => {
      const graph = new Graph();
      for (const shape of [[2 ** 41], [2 ** 21, 2 ** 20], [2 ** 40, 2 ** 40, 2 ** 40], [2 ** 52, 0]]) {
        assert.throws(() => graph.input("x", shape), { code: "ERR_LMSPT_SHAPE", message: /at most 2\^40 elements/ });
      }
      for (const shape of [[-1], [1.5], [NaN], [Infinity], [2 ** 60], [1, 1, 1, 1, 1, 1, 1]]) {
        assert.throws(() => graph.input("x", shape), { code: "ERR_LMSPT_INVALID_ARGUMENT" });
      }
      assert.throws(() => graph.input("x", "2" as never), { code: "ERR_LMSPT_INVALID_ARGUMENT" });
      assert.throws(() => graph.input("x", [2], "f64" as never), { message: /"f32" or "i32"/ });
    });

    it("data must have the type and the number of elements of its shape", () => {
      const graph = new Graph();
      const expected = { code: "ERR_LMSPT_INVALID_ARGUMENT", message: /of 6 elements .* received 5/ };
      assert.throws(() => graph.constant(new Float32Array(5), [2, 3]), expected);
      assert.throws(() => Variable.from(new Float32Array(5), [2, 3]), expected);
      assert.throws(() => graph.constant(new Float64Array(6) as never, [2, 3]), { code: "ERR_LMSPT_INVALID_ARGUMENT" });
    });

    it("a variable is one value, however often it is used", () => {
      const graph = new Graph();
      const variable = Variable.from(new Float32Array(2), [2]);
      assert.equal(graph.variable(variable).id, graph.variable(variable).id);
    });

    it("dimensions count from both ends", () => {
      const x = new Graph().input("x", [2, 3, 5]);
      assert(x instanceof Value);
      assert.deepEqual([x.dim(0), x.dim(2), x.dim(-1), x.dim(-3)], [2, 5, 5, 2]);
    });
  });

  describe("gradients", () => {
    let device: Device;
    before(() => {
      device = Device.open("cpu", { threads: 1 });
    });
    after(() => device.close());

    const evaluate = async (graph: Graph, values: readonly Value[], inputs: Record<string, Float32Array>) => {
      const named = Object.fromEntries(values.map((value, i) => [`v${i}`, value]));
      const plan = await graph.compile(device, named);
      const needed = Object.fromEntries(plan.inputs.map(({ name }) => [name, inputs[name]!]));
      const results = await plan.run(needed);
      return values.map((_, i) => [...results[`v${i}`]!]);
    };

    it("add up over every path from a value to the outputs", async () => {
      const graph = new Graph();
      const x = graph.input("x", [2]);
      const y = add(mul(x, x), mul(x, 3));
      const grads = graph.gradients([y, square(x)], [x]);
      assert.deepEqual(await evaluate(graph, grads, { x: Float32Array.of(2, -1) }), [[4 * 2 + 3, -4 + 3]]);
    });

    it("are zeros where nothing depends on a value, and seeds where an output is asked for itself", async () => {
      const graph = new Graph();
      const [x, unused] = [graph.input("x", [2]), graph.input("unused", [3])];
      const seed = graph.constant(Float32Array.of(5, 7), [2]);
      const grads = graph.gradients([x], [x, unused], [seed]);
      assert.deepEqual(await evaluate(graph, grads, { x: new Float32Array(2) }), [
        [5, 7],
        [0, 0, 0],
      ]);
    });

    it("stop at integers", async () => {
      const graph = new Graph();
      const z = graph.input("z", [1, 2]);
      const codes = codebookSearch(z, graph.constant(Float32Array.of(1, 0, 0, 1), [2, 2]));
      assert.deepEqual(await evaluate(graph, graph.gradients([codes], [z]), { z: Float32Array.of(1, 2) }), [[0, 0]]);
    });

    it("can be taken of gradients", async () => {
      const graph = new Graph();
      const x = graph.input("x", [1]);
      const [first] = graph.gradients([mul(mul(x, x), x)], [x]);
      const [second] = graph.gradients([first!], [x]);
      assert.deepEqual(await evaluate(graph, [first!, second!], { x: Float32Array.of(3) }), [[27], [18]]);
    });

    it("need one seed per output, of its shape, and rules that exist", () => {
      const graph = new Graph();
      const x = graph.input("x", [2]);
      const y = tanh(x);
      assert.throws(() => graph.gradients([y], [x], []), { message: /expected one seed per output, got 0 for 1/ });
      assert.throws(() => graph.gradients([y], [x], [graph.constant(1)]), {
        code: "ERR_LMSPT_SHAPE",
        message: "[gradients] expected a seed of shape [2], got []",
      });
      const gelu = graph.apply("gelu_grad", [x, x], { a: 0, b: 0 })[0]!;
      assert.throws(() => graph.gradients([gelu], [x]), {
        code: "ERR_LMSPT_UNSUPPORTED",
        message: "[gelu_grad] has no gradient: itself a gradient",
      });
    });
  });
});

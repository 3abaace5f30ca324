/** Every CUDA kernel against the CPU's: on the GPU where there is one, else on the emulated one. */
import assert from "node:assert/strict";
import type { Device } from "../../lib/graph/device.js";
import { Graph, type Value } from "../../lib/graph/graph.js";
import * as ops from "../../lib/graph/ops/index.js";
import { Variable } from "../../lib/graph/variable.js";
import { randomFloats } from "../golden.js";
import { assertAgree, type KernelCase, run } from "./cuda-case.js";
import { kernelCases } from "./cuda-cases.js";
import { isEmulated, useBothDevices } from "./cuda-device.js";

describe(`CUDA kernels${isEmulated ? ", emulated" : ""}`, () => {
  let cpu: Device;
  let cuda: Device;
  useBothDevices((both) => {
    ({ cpu, cuda } = both);
  });

  for (const op of new Set(kernelCases.map((one) => one.op))) {
    it(`${op} agrees with the CPU's`, async () => {
      for (const one of kernelCases.filter((one) => one.op === op)) {
        const [actual, expected] = await Promise.all([run(cuda, one), run(cpu, one)]);
        const what = `${op} of ${JSON.stringify(one.inputs.map((input) => input?.shape))} ${JSON.stringify(one.attributes)}`;
        for (const [i, values] of expected.entries()) {
          assertAgree(actual[i]!, values, one.tolerance, i === 0 ? what : `${what}, output ${i}`);
        }
      }
    });
  }

  it("sums of a row have the same bits whatever rows stand beside it", async () => {
    const [rows, length] = [8, 40000];
    const data = randomFloats(rows * length, 5);
    const sums = (shape: readonly number[], part: Float32Array): KernelCase => ({
      op: "sum",
      inputs: [{ shape, data: part }],
      attributes: { first: 1, last: 1 },
      tolerance: 0,
    });
    const [whole] = await run(cuda, sums([rows, length], data));
    for (let row = 0; row < rows; row++) {
      const [alone] = await run(cuda, sums([1, length], data.slice(row * length, (row + 1) * length)));
      assert.equal(alone![0], whole![row]);
    }
  });

  it("a graph with variables and gradients agrees with the CPU's, on both devices in turn", async () => {
    const x = randomFloats(6 * 40, 1);
    const scale = Variable.from(randomFloats(40, 2), [40]);
    const bias = Variable.from(randomFloats(40, 3), [40], { frozen: false });
    const compute = async (device: Device) => {
      const graph = new Graph();
      const input = graph.input("x", [2, 3, 40]);
      const [w, b] = [graph.variable(scale), graph.variable(bias)];
      const y: Value = ops.gelu(ops.add(ops.mul(input, ops.exp(w)), b));
      const loss = ops.mean(ops.square(ops.transpose(y, [0, 2, 1])));
      const [gx, gw, gb] = graph.gradients([loss], [input, w, b]);
      const plan = await graph.compile(device, { y, loss, gx: gx!, gw: gw!, gb: gb! });
      return plan.run({ x });
    };
    for (let round = 0; round < 2; round++) {
      const [expected, actual] = [await compute(cpu), await compute(cuda)];
      for (const name of ["y", "loss", "gx", "gw", "gb"] as const) {
        assertAgree(actual[name], expected[name], 2e-6, name);
      }
    }
  });

  it("memory that is not there gives a typed error with the sizes, and the device goes on", async () => {
    const graph = new Graph();
    const huge = ops.neg(graph.fill([2 ** 40], 1));
    await assert.rejects(graph.compile(cuda, { huge }), {
      code: "ERR_LMSPT_OUT_OF_MEMORY",
      message: /Expected to get 4398046511104 bytes of GPU memory, but \d+ of \d+ bytes are free/,
    });
    const abs = kernelCases.find(({ op }) => op === "abs")!;
    const [[actual], [expected]] = [await run(cuda, abs), await run(cpu, abs)];
    assertAgree(actual!, expected!, 0, "abs afterwards");
  });
});

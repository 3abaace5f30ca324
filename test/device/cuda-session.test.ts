/**
 * How plans run on CUDA: graphs, overlapping runs, several plans and devices, memory that runs out, a lost device, leaks.
 * Always on the emulation, which can be made to fail and counts what is live.
 */
import assert from "node:assert/strict";
import { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import * as ops from "../../lib/graph/ops/index.js";
import { Variable } from "../../lib/graph/variable.js";
import { randomFloats } from "../golden.js";
import { type EmulationCounts, emulatedLibrary, emulation } from "./cuda-device.js";

const open = (index = 0) => Device.open(`cuda:${index}`, { library: emulatedLibrary });

/** A plan of several kernels, one of which needs scratch memory: the sum over all of gelu(x + 1). */
async function compile(device: Device, length: number) {
  const graph = new Graph();
  const x = graph.input("x", [length]);
  const y = ops.gelu(ops.affine(x, 1, 1));
  const plan = await graph.compile(device, { y, sum: ops.sum(y) });
  compiled.push(plan);
  return plan;
}

/** Closed after each test. */
const compiled: { close(): void }[] = [];

const long = 20000; // more than one block sums
const inputs = Array.from({ length: 6 }, (_, i) => randomFloats(long, i + 1));

interface Outputs {
  readonly y: Float32Array;
  readonly sum: Float32Array;
}

function assertClose(actual: Outputs, expected: Outputs, what = ""): void {
  assert.equal(actual.y.length, expected.y.length, what);
  for (const name of ["y", "sum"] as const) {
    for (const [i, value] of expected[name].entries()) {
      const difference = Math.abs(actual[name][i]! - value);
      assert(
        difference <= 2e-6 * Math.max(1, Math.abs(value)),
        `${what} ${name}[${i}]: ${actual[name][i]}, not ${value}`,
      );
    }
  }
}

/** What grew from one count to the other. Plans of other tests, which nobody closed, may go in between. */
function grown(before: EmulationCounts, after: EmulationCounts): Partial<EmulationCounts> {
  const names = ["allocations", "bytes", "pinned", "streams", "events", "graphs"] as const;
  return Object.fromEntries(
    names.filter((name) => after[name] > before[name]).map((name) => [name, after[name] - before[name]]),
  );
}

describe("plans on CUDA", () => {
  let cpu: Device;
  let expected: Outputs[];
  before(async () => {
    cpu = Device.open("cpu");
    const plan = await compile(cpu, long);
    expected = [];
    for (const x of inputs) expected.push((await plan.run({ x })) as Outputs);
  });
  after(() => cpu.close());
  afterEach(() => {
    for (const plan of compiled.splice(0)) plan.close();
    for (const index of [0, 1]) {
      emulation().setMemory(index, 2 ** 32);
      emulation().failAllocationsAfter(index, -1);
    }
  });

  it("are captured at their second run and replayed from then on", async () => {
    await using device = open();
    const plan = await compile(device, long);
    const before = emulation().counts();
    for (const [i, x] of inputs.entries()) {
      assertClose((await plan.run({ x })) as Outputs, expected[i]!, `run ${i}`);
      const { captures, graphLaunches } = emulation().counts();
      assert.equal(captures - before.captures, i === 0 ? 0 : 1);
      assert.equal(graphLaunches - before.graphLaunches, i);
    }
  });

  it("launch kernels one by one where LMSPT_CUDA_GRAPHS is 0", async () => {
    await using device = open();
    process.env.LMSPT_CUDA_GRAPHS = "0";
    try {
      const plan = await compile(device, long);
      const before = emulation().counts();
      for (let i = 0; i < 3; i++) assertClose((await plan.run({ x: inputs[i]! })) as Outputs, expected[i]!);
      assert.equal(emulation().counts().captures, before.captures);
    } finally {
      delete process.env.LMSPT_CUDA_GRAPHS;
    }
  });

  it("take further runs before the first is done", async () => {
    await using device = open();
    const plan = await compile(device, long);
    for (let round = 0; round < 3; round++) {
      const results = await Promise.all(inputs.map((x) => plan.run({ x })));
      for (const [i, result] of results.entries())
        assertClose(result as Outputs, expected[i]!, `round ${round}, run ${i}`);
    }
  });

  it("run side by side with others, each with its own memory", async () => {
    await using device = open();
    const plans = await Promise.all([compile(device, long), compile(device, 100), compile(device, long)]);
    const short = await compile(cpu, 100);
    const results = await Promise.all(
      inputs.flatMap((x) => plans.map((plan, i) => plan.run({ x: i === 1 ? x.slice(0, 100) : x }))),
    );
    for (const [i, result] of results.entries()) {
      const x = inputs[Math.floor(i / 3)]!;
      const wanted = i % 3 === 1 ? await short.run({ x: x.slice(0, 100) }) : expected[Math.floor(i / 3)]!;
      assertClose(result as Outputs, wanted as Outputs, `run ${i}`);
    }
  });

  it("see the variables that others update, in the order of asking", async () => {
    await using device = open();
    const w = Variable.from(new Float32Array(long).fill(1), [long], { frozen: false });
    const updating = new Graph();
    const value = updating.variable(w);
    const step = await updating.compile(device, { first: ops.slice(value, 0, 0, 1) }, [[w, ops.affine(value, 2, 1)]]);
    const reading = new Graph();
    const read = await reading.compile(device, { sum: ops.sum(reading.variable(w)) });
    const results: Promise<Record<string, unknown>>[] = [];
    for (let i = 0; i < 8; i++) results.push(step.run({}), read.run({}));
    let wanted = 1;
    for (const [i, result] of (await Promise.all(results)).entries()) {
      if (i % 2 === 0) assert.equal((result.first as Float32Array)[0], wanted, `step ${i}`);
      else assert.equal((result.sum as Float32Array)[0], long * wanted, `read ${i}`);
      if (i % 2 === 0) wanted = 2 * wanted + 1;
    }
    assert.equal((await device.read([w]))[0]![0], wanted);
    w.write(new Float32Array(long).fill(3));
    assert.equal(((await read.run({})).sum as Float32Array)[0], 3 * long);
  });

  it("trace their steps", async () => {
    await using device = open();
    const plan = await compile(device, long);
    const { outputs, steps } = await plan.trace({ x: inputs[0]! });
    assertClose(outputs as unknown as Outputs, expected[0]!);
    assert.deepEqual(
      steps.map(({ op, finite }) => [op, finite]),
      [
        ["affine", true],
        ["gelu", true],
        ["sum", true],
      ],
    );
  });

  it("run on several devices at once", async () => {
    await using one = open(0);
    await using two = open(1);
    const plans = await Promise.all([compile(one, long), compile(two, long)]);
    for (let round = 0; round < 3; round++) {
      const results = await Promise.all(inputs.flatMap((x) => plans.map((plan) => plan.run({ x }))));
      for (const [i, result] of results.entries()) assertClose(result as Outputs, expected[Math.floor(i / 2)]!);
    }
    assert.throws(() => open(7), {
      code: "ERR_LMSPT_DEVICE",
      message: /index of a CUDA device below 2 but received 7/,
    });
  });

  describe("where memory runs out", () => {
    it("take that of plans that do not run, which make it again", async () => {
      await using device = open(1);
      const plans = await Promise.all(Array.from({ length: 5 }, () => compile(device, long)));
      for (const plan of plans) for (let i = 0; i < 3; i++) await plan.run({ x: inputs[i]! });
      const half = Math.ceil(emulation().counts().bytesOfDevices[1]! / 2);
      emulation().setMemory(1, half);
      const more = await Promise.all(Array.from({ length: 5 }, () => compile(device, long)));
      for (let round = 0; round < 3; round++) {
        for (const plan of [...more, ...plans]) {
          assertClose((await plan.run({ x: inputs[round]! })) as Outputs, expected[round]!);
        }
      }
      assert(emulation().counts().bytesOfDevices[1]! <= half);
    });

    it("fail with the sizes, and work again when there is more", async () => {
      await using device = open(1);
      const plan = await compile(device, long);
      await plan.run({ x: inputs[0]! });
      const large = await compile(device, 10 * long);
      emulation().setMemory(1, emulation().counts().bytesOfDevices[1]! + 4096);
      const x = randomFloats(10 * long, 1);
      await assert.rejects(large.run({ x }), {
        code: "ERR_LMSPT_OUT_OF_MEMORY",
        message: /Expected to get \d+ bytes of GPU memory, but \d+ of \d+ bytes are free/,
      });
      assertClose((await plan.run({ x: inputs[1]! })) as Outputs, expected[1]!);
      emulation().setMemory(1, 2 ** 32);
      await large.run({ x });
      assertClose((await plan.run({ x: inputs[2]! })) as Outputs, expected[2]!);
    });

    it("fail wherever it happens without harm", async () => {
      await using device = open();
      const before = emulation().counts();
      let failures = 0;
      for (let allocations = 0; ; allocations++) {
        emulation().failAllocationsAfter(0, allocations);
        const scale = Variable.from(randomFloats(long, 3), [long]);
        const graph = new Graph();
        const x = graph.input("x", [long]);
        const y = ops.mul(x, ops.exp(graph.variable(scale)));
        let failed = false;
        try {
          const plan = await graph.compile(device, { y, sum: ops.sum(y) });
          try {
            for (let i = 0; i < 3; i++) await plan.run({ x: inputs[i]! });
          } finally {
            plan.close();
          }
        } catch (error) {
          assert.equal((error as { code?: string }).code, "ERR_LMSPT_OUT_OF_MEMORY", String(error));
          failed = true;
        }
        emulation().failAllocationsAfter(0, -1);
        scale.close();
        const plan = await compile(device, 100);
        await plan.run({ x: inputs[0]!.slice(0, 100) });
        plan.close();
        if (!failed) break;
        failures++;
      }
      assert(failures >= 3, `only ${failures} allocations`);
      await device.read([]);
      assert.equal(grown(before, emulation().counts()).allocations ?? 0, 0);
    });
  });

  it("are rejected when their device is lost, which can be opened again", async () => {
    await using device = open();
    await using other = open(1);
    const plan = await compile(device, long);
    const unharmed = await compile(other, long);
    await plan.run({ x: inputs[0]! });
    emulation().lose(0);
    const pending = inputs.map((x) => plan.run({ x }));
    for (const result of await Promise.allSettled(pending)) {
      assert.equal(result.status, "rejected");
      const { code, message } = (result as PromiseRejectedResult).reason;
      assert.equal(code, "ERR_LMSPT_DEVICE");
      assert.match(message, /The CUDA device 0 \(.+\) is lost: .+Open it again/);
    }
    await assert.rejects(compile(device, 10), { code: "ERR_LMSPT_DEVICE", message: /is lost/ });
    assertClose((await unharmed.run({ x: inputs[0]! })) as Outputs, expected[0]!);
    await using again = open();
    const anew = await compile(again, long);
    for (let i = 0; i < 3; i++) assertClose((await anew.run({ x: inputs[i]! })) as Outputs, expected[i]!);
    await assert.rejects(plan.run({ x: inputs[0]! }), { code: "ERR_LMSPT_DEVICE", message: /is lost/ });
    plan.close();
    assertClose((await anew.run({ x: inputs[3]! })) as Outputs, expected[3]!);
  });

  it("leave nothing behind over 10 000 of them", async () => {
    await using device = open();
    const scale = Variable.from(randomFloats(50, 3), [50]);
    const use = async (length: number) => {
      const graph = new Graph();
      const x = graph.input("x", [length, 50]);
      const plan = await graph.compile(device, { y: ops.sum(ops.mul(x, ops.exp(graph.variable(scale)))) });
      const x0 = randomFloats(length * 50, length);
      for (let i = 0; i < 3; i++) await plan.run({ x: x0 });
      plan.close();
    };
    await use(1);
    await device.read([]);
    const before = emulation().counts();
    for (let i = 0; i < 10_000; i++) await use(1 + (i % 40));
    await device.read([]);
    assert.deepEqual(grown(before, emulation().counts()), {});
  });

  it("leave nothing behind when their device is closed with work under way", async () => {
    const before = emulation().counts();
    const device = open();
    const plan = await compile(device, long);
    const runs = inputs.map((x) => plan.run({ x }));
    plan.close();
    await device.close();
    await Promise.all(runs);
    assert.deepEqual(grown(before, emulation().counts()), {});
  });
});

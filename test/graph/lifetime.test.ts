import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { LmsptError } from "../../lib/errors.js";
import { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import { neg } from "../../lib/graph/ops/index.js";
import { busyPlan } from "./support.js";

interface Ended {
  readonly status: number | null;
  readonly signal: string | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a script of test/graph/children to its end. */
function child(script: string, args: readonly string[] = [], nodeArgs: readonly string[] = []): Promise<Ended> {
  return new Promise((resolve) => {
    const path = join(__dirname, "children", `${script}.js`);
    const started = execFile(process.execPath, [...nodeArgs, path, ...args], { timeout: 60_000 }, (_, output, errors) =>
      resolve({ status: started.exitCode, signal: started.signalCode, output: output.trim(), errors }),
    );
  });
}

describe("lifetime", function () {
  this.timeout(90_000);

  describe("worker threads", () => {
    it("load the addon, compute the same and go, several at once", async () => {
      const { status, output, errors } = await child("workers", ["finish"]);
      assert.equal(status, 0, errors);
      const results = JSON.parse(output) as number[];
      assert.equal(results.length, 9);
      assert.equal(new Set(results).size, 1);
    });

    it("can be terminated in the middle of work", async () => {
      const { status, output, errors } = await child("workers", ["terminate"]);
      assert.equal(status, 0, errors);
      assert.equal(JSON.parse(output).length, 9);
    });
  });

  describe("the end of the process", () => {
    it("waits for work that is pending", async () => {
      assert.deepEqual(await child("exit", ["natural"]), { status: 0, signal: null, output: "finished 3", errors: "" });
    });

    it("comes when nobody waits for the work, too", async () => {
      assert.equal((await child("exit", ["no-await"])).status, 0);
    });

    it("comes at once with process.exit, in the middle of work and right after asking for it", async () => {
      for (const mode of ["exit", "exit-at-once"]) {
        assert.deepEqual(await child("exit", [mode]), { status: 7, signal: null, output: "", errors: "" });
      }
    });

    it("comes with an error that nobody catches", async () => {
      const { status, signal, errors } = await child("exit", ["throw"]);
      assert.deepEqual([status, signal], [1, null]);
      assert.match(errors, /thrown while computing/);
    });
  });

  describe("closing", () => {
    it("resolves after the work that was asked for before, which still succeeds", async () => {
      const device = Device.open("cpu");
      const { run } = await busyPlan(device, 1);
      const order: string[] = [];
      const runs = [run(), run()].map((work, i) => work.then(() => order.push(`run ${i}`)));
      const closed = device.close().then(() => order.push("closed"));
      await Promise.all([...runs, closed]);
      assert.deepEqual(order, ["run 0", "run 1", "closed"]);
    });

    it("refuses work from then on, typed and with the caller's stack; closing again is harmless", async () => {
      const device = Device.open("cpu");
      const graph = new Graph();
      const y = neg(graph.input("x", [1]));
      const plan = await graph.compile(device, { y });
      const first = device.close();
      const refused = (error: unknown) => {
        assert(error instanceof LmsptError);
        assert.equal(error.code, "ERR_LMSPT_CLOSED");
        assert.match(error.stack!, /lifetime\.test/);
        return true;
      };
      await assert.rejects(async () => plan.run({ x: new Float32Array(1) }), refused);
      await assert.rejects(async () => void (await graph.compile(device, { y })), refused);
      assert.equal(device.close(), first);
      await first;
      assert(device.closed);
    });

    it("happens at the end of the block that a device belongs to", async () => {
      let kept: Device;
      {
        await using device = Device.open("cpu", { threads: 1 });
        kept = device;
      }
      assert(kept.closed);
    });
  });

  it("a closed graph takes nothing more, and leaves its plans, those being made too", async () => {
    await using device = Device.open("cpu");
    const graph = new Graph();
    const x = graph.input("x", [2]);
    const y = neg(x);
    const making = graph.compile(device, { y });
    graph.close();
    graph.close();
    assert.throws(() => neg(y), { code: "ERR_LMSPT_CLOSED" });
    assert.throws(() => graph.input("z", [2]), { code: "ERR_LMSPT_CLOSED" });
    const plan = await making;
    assert.deepEqual((await plan.run({ x: Float32Array.of(1, 2) })).y, Float32Array.of(-1, -2));
  });

  it("two devices compute at once, each for itself", async () => {
    await using first = Device.open("cpu", { threads: 1 });
    await using second = Device.open("cpu", { threads: 2 });
    const plans = await Promise.all([busyPlan(first, 1), busyPlan(second, 1)]);
    const results = await Promise.all([...plans, ...plans].map(({ run }) => run()));
    for (const result of results) assert.deepEqual(result, results[0]);
  });

  it("what is in flight survives that nobody holds graph, plan, variable or device", async () => {
    assert.deepEqual(await child("garbage", [], ["--expose-gc"]), {
      status: 0,
      signal: null,
      output: "100",
      errors: "",
    });
  });

  it("2000 plans leave less than 24 MiB behind, of 200 that they took", async () => {
    const { status, output, errors } = await child("leak", [], ["--expose-gc"]);
    assert.equal(status, 0, errors);
    assert(Number(output) < 24, `${output} MiB`);
  });
});

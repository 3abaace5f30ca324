/** Where the threads of a CPU device run; of Linux, and only where there are two CPUs. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { allowedCpus } from "../../bench/support/machine.js";
import { packageRoot } from "../../lib/graph/native.js";

/** How many CPUs each of the process's threads may use, after a plan has run on two threads. */
function allowedByThread(environment: Readonly<Record<string, string>>): number[] {
  const lib = join(packageRoot(), "dist", "lib", "graph");
  const script = `
    const { Device } = require(${JSON.stringify(join(lib, "device.js"))});
    const { Graph } = require(${JSON.stringify(join(lib, "graph.js"))});
    const { neg } = require(${JSON.stringify(join(lib, "ops", "index.js"))});
    const { readdirSync, readFileSync } = require("node:fs");
    (async () => {
      const device = Device.open("cpu", { threads: 2 });
      const graph = new Graph();
      const plan = await graph.compile(device, { y: neg(graph.input("x", [1 << 20])) });
      for (let i = 0; i < 20; i++) await plan.run({ x: new Float32Array(1 << 20) });
      const list = (task) => /Cpus_allowed:\\s*(.+)/.exec(readFileSync("/proc/self/task/" + task + "/status", "utf8"))[1];
      const count = (mask) => mask.replace(/[^0-9a-f]/g, "").split("").reduce((sum, digit) => sum + parseInt(digit, 16).toString(2).replaceAll("0", "").length, 0);
      console.log(JSON.stringify(readdirSync("/proc/self/task").map((task) => count(list(task)))));
      await device.close();
    })();`;
  const output = execFileSync(process.execPath, ["-e", script], {
    encoding: "utf8",
    env: { ...process.env, ...environment },
  });
  return JSON.parse(output);
}

const cpus = allowedCpus()?.length ?? 0;
const describeHere = cpus >= 2 ? describe : describe.skip;

describeHere(`threads of a CPU device${cpus >= 2 ? "" : " (pending: needs Linux and two CPUs)"}`, () => {
  it("the helper keeps off its caller's CPU, all others may run anywhere", () => {
    const allowed = allowedByThread({});
    assert.equal(allowed.filter((count) => count === cpus - 1).length, 1, String(allowed));
    assert.equal(allowed.filter((count) => count === cpus).length, allowed.length - 1, String(allowed));
  });

  it("with LMSPT_SPREAD=0 it runs anywhere as well", () => {
    assert(allowedByThread({ LMSPT_SPREAD: "0" }).every((count) => count === cpus));
  });
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LmsptError } from "../../lib/errors.js";
import { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import { native, packageRoot } from "../../lib/graph/native.js";
import { neg, sum, tanh } from "../../lib/graph/ops/index.js";
import { Variable } from "../../lib/graph/variable.js";
import { randomFloats } from "../golden.js";
import { damagedPlanFiles, smallPlanFiles } from "./plan-files.js";
import { ResidualUnit } from "./support.js";

const runner = join(packageRoot(), "build", "Release", "lmspt-native");

function runNative(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(runner, args, { encoding: "utf8" });
  return { status, output: stdout + stderr };
}

/** A residual unit's file with its sample input and the output that the device computes. */
async function checkedFile(
  device: Device,
  tolerance = 1e-5,
  change = 0,
): Promise<{ bytes: Uint8Array; y: Float32Array }> {
  const unit = new ResidualUnit(20);
  const graph = new Graph();
  const x = graph.input("x", [2, 50, 20]);
  const y = unit.apply(x);
  const data = randomFloats(2000, 1);
  const result = (await (await graph.compile(device, { y })).run({ x: data })).y as Float32Array;
  const expected = result.slice();
  expected[7]! += change;
  const samples = [
    { value: x, data },
    { value: y, data: expected, tolerance },
  ];
  return { bytes: graph.serialize({ y }, samples), y: result };
}

describe("plan file", () => {
  let folder: string;
  let device: Device;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "lmspt-plan-"));
    device = Device.open("cpu", { threads: 2 });
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await device.close();
  });

  const write = (name: string, bytes: Uint8Array) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };

  it("is valid, and the same for the same graph", () => {
    const [first, second] = [smallPlanFiles(), smallPlanFiles()];
    for (const [i, bytes] of first.entries()) {
      native().checkPlan(bytes);
      assert.deepEqual(bytes, second[i]);
      assert.equal(Buffer.from(bytes.subarray(0, 8)).toString("latin1"), "LMSPTPLN");
    }
  });

  it("holds only what the outputs depend on", () => {
    const graph = new Graph();
    const x = graph.input("x", [1]);
    graph.variable(Variable.from(new Float32Array(1000), [1000]));
    graph.constant(new Float32Array(1000), [1000]);
    tanh(graph.input("unused", [1]));
    assert(graph.serialize({ y: neg(x) }).length < 120);
  });

  it("refuses samples of values that it does not hold, and samples that do not fit", () => {
    const graph = new Graph();
    const [x, other] = [graph.input("x", [2]), graph.input("other", [2])];
    const code = "ERR_LMSPT_INVALID_ARGUMENT";
    const data = new Float32Array(2);
    assert.throws(() => graph.serialize({ y: neg(x) }, [{ value: other, data }]), {
      code,
      message: /outputs depend on/,
    });
    assert.throws(() => graph.serialize({ y: neg(x) }, [{ value: x, data: new Float32Array(3) }]), { code });
  });

  it("cut off anywhere is refused, with the offset", () => {
    for (const bytes of smallPlanFiles()) {
      for (let length = 0; length < bytes.length; length++) {
        assert.throws(
          () => native().checkPlan(bytes.subarray(0, length)),
          (error) => {
            assert(error instanceof LmsptError);
            assert.equal(error.code, "ERR_LMSPT_FORMAT");
            const [, offset] = error.message.match(/\(at byte (\d+)\)$/)!;
            assert(Number(offset) <= length);
            return true;
          },
        );
      }
    }
  });

  it("followed by anything is refused", () => {
    const [bytes] = smallPlanFiles();
    assert.throws(() => native().checkPlan(Buffer.concat([bytes!, Buffer.of(0)])), { message: /the end of the file/ });
  });

  it("of another version, or no plan file at all, is refused by name", () => {
    const bytes = Buffer.from(smallPlanFiles()[0]!);
    bytes.writeUInt32LE(2, 8);
    assert.throws(() => native().checkPlan(bytes), { code: "ERR_LMSPT_FORMAT", message: /expected version 1, got 2/ });
    assert.throws(() => native().checkPlan(Buffer.from("RIFF????WAVEfmt ")), { message: /begin with LMSPTPLN/ });
  });

  it("damaged in any of 6000 ways is refused with a typed error or is another valid file", () => {
    let refused = 0;
    for (const [i, bytes] of damagedPlanFiles(6000, 1).entries()) {
      try {
        native().checkPlan(bytes);
      } catch (error) {
        assert(error instanceof LmsptError, `file ${i}: ${error}`);
        assert.equal(error.code, "ERR_LMSPT_FORMAT", `file ${i}: ${error.message}`);
        assert.match(error.message, /^Not a valid plan file: .* \(at byte \d+\)$/s);
        refused++;
      }
    }
    assert(refused > 3000, `${refused} refused`);
  });

  describe("in the native runner", () => {
    it("passes where the samples agree, on every variant", async () => {
      const path = write("good.plan", (await checkedFile(device)).bytes);
      for (const variant of native().describeCpu().variants) {
        const { status, output } = runNative("test", path, "--variant", variant, "--threads", "2");
        assert.deepEqual([status, output], [0, "1 passed, 0 failed\n"]);
      }
    });

    it("fails where one differs, naming file, output and difference", async () => {
      const path = write("wrong.plan", (await checkedFile(device, 1e-5, 0.01)).bytes);
      const { status, output } = runNative("test", path);
      assert.equal(status, 1);
      assert.match(output, /failed: .*wrong\.plan: y differs by 0\.00\d+ of its largest value, allowed 0\.00001/);
      assert.match(output, /0 passed, 1 failed\n$/);
    });

    it("fails where there is nothing to compare with, and where the file is none", () => {
      const plain = write("plain.plan", smallPlanFiles()[0]!);
      assert.match(runNative("test", plain).output, /the file holds no expected output/);
      const text = write("text.plan", Buffer.from("hello"));
      assert.match(runNative("test", text).output, /Not a valid plan file/);
      assert.match(runNative("test", join(folder, "missing.plan")).output, /missing\.plan/);
    });

    it("compares infinities and what is not a number", async () => {
      const graph = new Graph();
      const x = graph.input("x", [3]);
      const samples = [
        { value: x, data: Float32Array.of(NaN, Infinity, 1) },
        { value: neg(x), data: Float32Array.of(NaN, -Infinity, -1), tolerance: 0 },
      ];
      const y = samples[1]!.value;
      assert.equal(runNative("test", write("nan.plan", graph.serialize({ y }, samples))).status, 0);
      samples[1]!.data = Float32Array.of(0, -Infinity, -1);
      assert.equal(runNative("test", write("no-nan.plan", graph.serialize({ y }, samples))).status, 1);
    });

    it("writes the outputs of a run: the same bits as in Node", async () => {
      const { bytes, y } = await checkedFile(device);
      const path = write("run.plan", bytes);
      assert.equal(runNative("run", path, join(folder, "out")).status, 0);
      const written = readFileSync(join(folder, "out.y"));
      assert.deepEqual(new Float32Array(written.buffer, written.byteOffset, written.length / 4), y);
    });

    it("times a plan", async () => {
      const path = write("bench.plan", (await checkedFile(device)).bytes);
      assert.match(runNative("bench", path, "3").output, /median \d+\.\d+ ms, .* 3 runs on /);
    });

    it("says how it is used", () => {
      for (const args of [[], ["test"], ["run", "x.plan"], ["walk", "x.plan"]]) {
        const { status, output } = runNative(...args);
        assert.equal(status, 2);
        assert.match(output, /^usage: lmspt-native/);
      }
      assert.equal(runNative("test", "x.plan", "--variant", "mmx").status, 1);
    });

    it("refuses what does not fit into memory", () => {
      const graph = new Graph();
      const path = write("huge.plan", graph.serialize({ y: sum(graph.input("x", [2 ** 39])) }));
      const { status, output } = runNative("test", path);
      assert.equal(status, 1);
      assert.match(output, /not enough memory for the inputs/);
    });
  });
});

/** scripts/gpu-check on the emulated GPU: what it reports, and that a wrong result fails it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Graph } from "../../lib/graph/graph.js";
import { packageRoot } from "../../lib/graph/native.js";
import * as ops from "../../lib/graph/ops/index.js";
import { emulatedLibrary } from "../device/cuda-device.js";

const hasPython = spawnSync("python3", ["--version"]).status === 0;
const describeWithPython = hasPython ? describe : describe.skip;

interface Outcome {
  readonly status: number | null;
  readonly text: string;
  readonly report: {
    readonly stages: Readonly<
      Record<string, { readonly result: string; readonly text: string; readonly data: unknown }>
    >;
  };
}

describeWithPython(`scripts/gpu-check${hasPython ? "" : " (pending: there is no python3)"}`, () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "lmspt-gpu-check-"));
    mkdirSync(join(folder, "kernels"));
  });
  after(() => rmSync(folder, { recursive: true }));

  function writeCase(expected: number): void {
    const graph = new Graph();
    const x = graph.input("x", [3]);
    const y = ops.square(x);
    const samples = [
      { value: x, data: Float32Array.of(1, 2, 3) },
      { value: y, data: Float32Array.of(1, 4, expected), tolerance: 1e-6 },
    ];
    writeFileSync(join(folder, "kernels", "square.plan"), graph.serialize({ y }, samples));
  }

  function check(stages: string, ...more: string[]): Outcome {
    const runner = join(packageRoot(), "build", "Release", "lmspt-native");
    const options = [
      "--library",
      emulatedLibrary,
      "--runner",
      runner,
      "--cases",
      folder,
      "--output",
      join(folder, "out"),
    ];
    const { status, stdout, stderr } = spawnSync(
      "python3",
      [join(packageRoot(), "scripts", "gpu-check"), "--stages", stages, ...options, ...more],
      { encoding: "utf8" },
    );
    const written = readdirSync(join(folder, "out")).find((name) => name.endsWith("-gpu.json"));
    return { status, text: stdout + stderr, report: JSON.parse(readFileSync(join(folder, "out", written!), "utf8")) };
  }

  it("runs the stages that were chosen and writes a report", () => {
    writeCase(9);
    const { status, text, report } = check("build,kernels,bench");
    assert.equal(status, 0, text);
    assert.match(text, /^kernels +passed +[\d.]+ s +1 passed$/m);
    assert.match(text, /^bench +skipped .+ is not there$/m);
    assert.deepEqual(Object.keys(report.stages), ["build", "kernels", "bench"]);
    assert.deepEqual(report.stages.kernels!.data, { passed: 1 });
  });

  it("measures kernels by themselves", function () {
    this.timeout(120_000);
    const { status, text, report } = check("lab", "--lab-options=--small --only rotary --repeats 2");
    assert.equal(status, 0, text);
    assert.match(report.stages.lab!.text, /^6 cases checked, 26 times in .+-kernels\.md$/);
    const written = readdirSync(join(folder, "out")).find((name) => name.endsWith("-kernels.json"));
    const { limits, kernels } = JSON.parse(readFileSync(join(folder, "out", written!), "utf8"));
    assert.equal(kernels.length, 26);
    assert(["copy", "fp32", "tf32", "bf16", "bf16x3"].every((name) => limits[name] > 0));
  });

  it("fails where a result is wrong", () => {
    writeCase(10);
    const { status, text, report } = check("kernels");
    assert.equal(status, 1, text);
    assert.equal(report.stages.kernels!.result, "failed");
    assert.match(report.stages.kernels!.text, /square\.plan: y differs by/);
  });
});

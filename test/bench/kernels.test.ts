/** The kernel lab on the emulated GPU: every case works, and its formulas agree with loops and with what kernels touch. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kernelLab } from "../../bench/kernels.js";
import { emulatedLibrary } from "../device/cuda-device.js";

function lab(...args: string[]) {
  return spawnSync(kernelLab, ["--cuda", emulatedLibrary, ...args], { encoding: "utf8" });
}

describe("the kernel lab", () => {
  it("measures each case once, with the operations and bytes that the formulas tell", function () {
    this.timeout(600_000);
    const { status, stdout, stderr } = lab("--check");
    assert.match(stdout, /^\d{3} passed, 0 failed$/m, stdout + stderr);
    assert.equal(status, 0);
  });

  it("refuses what it does not know", () => {
    assert.match(lab("--tile", "large").stderr, /^usage: lmspt-kernel-lab/);
    assert.match(lab("--limit", "speed=1").stderr, /speed/);
  });

  it("writes a table and numbers", function () {
    this.timeout(60_000);
    const folder = mkdtempSync(join(tmpdir(), "lmspt-kernel-lab-"));
    try {
      const output = join(folder, "kernels");
      const { status, stderr } = lab("--small", "--only", "rotary", "--repeats", "3", "--output", output);
      assert.equal(status, 0, stderr);
      const report = JSON.parse(readFileSync(`${output}.json`, "utf8"));
      const rotary = report.kernels.find(({ family }: { family: string }) => family === "rotary");
      assert.equal(rotary.repeats, 3);
      assert.equal(rotary.bytes, 2 * 4 * 20 * 2 * 16);
      assert(rotary.range_us[0] <= rotary.median_us && rotary.median_us <= rotary.range_us[1]);
      assert.match(readFileSync(`${output}.md`, "utf8"), /^\| rotary, 8192 x 14 x 64 \| fp32 \|/m);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

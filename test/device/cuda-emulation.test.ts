/** The emulation's own tests: kernels with planted mistakes, instructions against formulas. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { emulationProbes } from "./cuda-device.js";

describe("the emulation of CUDA", () => {
  const { stdout, status, error } = spawnSync(emulationProbes, { encoding: "utf8", maxBuffer: 1 << 24 });

  it("runs its probes", () => {
    assert.equal(error, undefined);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /\d+ passed, 0 failed\n$/);
  });

  for (const [, verdict, name, detail] of stdout.matchAll(/^(passed|FAILED) ([^:\n]+)(?:: (.*))?$/gm)) {
    it(name!, () => assert.equal(verdict, "passed", detail));
  }
});

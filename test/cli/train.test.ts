import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { small } from "../train/runs.js";
import { launcher, run, runChild, temporaryFolder, tree } from "./support.js";

describe("lmspt train", function () {
  this.timeout(60_000);
  const inside = temporaryFolder();

  it("trains, tells how it goes, and names the newest checkpoint", async () => {
    const out = inside("run");
    const { status, stdout, stderr } = await run("train", "tiny", `out=${out}`, "steps=2", ...small);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^step 1\/2 {2}total \S+ {2}mel \S+.* steps\/s {2}\S+ h of audio per hour {2}\S+ s left$/m);
    const [name] = await readdir(join(out, "checkpoint"));
    assert.equal(stdout, `${join(out, "checkpoint", name!)}\n`);
    const again = await run("train", out, "steps=3", "--quiet");
    assert.deepEqual([again.status, again.stderr], [0, ""]);
    assert.match(again.stdout, /step-0000003\n$/);
  });

  it("says what is wrong with a configuration", async () => {
    const { status, stderr } = await run("train", "tiny", "optimizer.rte=1");
    assert.deepEqual(
      [status, stderr],
      [1, "lmspt: optimizer.rte (optimizer.rte=1): there is no such key; did you mean rate?\n"],
    );
  });

  it("stops at Ctrl-C with a checkpoint", async () => {
    const out = inside("run");
    let asked = false;
    const args = ["train", "tiny", `out=${out}`, "steps=1000", ...small];
    const { status, stdout } = await runChild(launcher, args, (child, text) => {
      if (asked || !text.includes("step 1/")) return;
      asked = true; // a second one would end it at once
      child.kill("SIGINT");
    });
    assert.equal(status, 130);
    assert.match(stdout, /step-\d{7}\n$/);
    assert((await tree(out)).every((name) => !name.includes("partial")));
  });
});

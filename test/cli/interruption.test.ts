import assert from "node:assert/strict";
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeTokenFile } from "../../lib/data/token-file.js";
import { root } from "../package/root.js";
import { launcher, runChild, TINY, temporaryFolder, tree } from "./support.js";

describe("an interrupted lmspt", () => {
  const at = temporaryFolder();
  const files = 60;

  beforeEach(async () => {
    await mkdir(at("in"));
    for (let index = 0; index < files; index++) {
      await copyFile(join(root, "test/fixtures/audio/speech.wav"), at("in", `${index}.wav`));
    }
  });

  for (const [signal, expected] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    it(`leaves no half-written file after ${signal} and ends with ${expected}`, async function () {
      // Windows has no signals.
      if (process.platform === "win32") this.skip();
      this.timeout(60_000);
      let interrupted = false;
      const args = ["encode", at("in"), "-o", at("out"), ...TINY];
      const { status, stderr } = await runChild(launcher, args, (child, output) => {
        if (interrupted || !/0\.wav -> /.test(output)) return;
        interrupted = true;
        child.kill(signal);
      });
      assert.equal(status, expected, stderr);
      assert.match(stderr, /Interrupted; no half-written file is left\n$/);
      const outputs = await tree(at("out"));
      assert.ok(outputs.length >= 1 && outputs.length < files, `${outputs.length} files`);
      for (const output of outputs) {
        assert.match(output, /^\d+\.lmspt$/);
        assert.ok(decodeTokenFile(await readFile(at("out", output))).frames > 0);
      }
    });
  }
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../lib/graph/native.js";

describe("loading", () => {
  let copy: string;
  before(() => {
    copy = mkdtempSync(join(tmpdir(), "lmspt-no-build-"));
    cpSync(join(packageRoot(), "package.json"), join(copy, "package.json"));
    cpSync(join(packageRoot(), "dist", "lib"), join(copy, "dist", "lib"), { recursive: true });
    symlinkSync(join(packageRoot(), "node_modules"), join(copy, "node_modules"), "dir");
  });
  after(() => rmSync(copy, { recursive: true }));

  const evaluate = (code: string) =>
    execFileSync(process.execPath, ["-e", code], { cwd: copy, encoding: "utf8" }).trim();

  it("works for the package as it is, without the binary, until the engine is needed", () => {
    assert.equal(evaluate(`require("./dist/lib/index.js"); console.log("imported")`), "imported");
  });

  it("says what happened and what helps, in that order, where there is no binary", () => {
    const code = `
      const { native } = require("./dist/lib/graph/native.js");
      const { LmsptError } = require("./dist/lib/errors.js");
      try { native(); } catch (error) {
        console.log(error instanceof LmsptError, error.code, error.cause instanceof Error);
        console.log(error.message);
      }`;
    const [head, message, ...remedies] = evaluate(code).split("\n");
    assert.equal(head, "true ERR_LMSPT_DEVICE true");
    assert.match(
      message!,
      new RegExp(`does not load on ${process.platform}-${process.arch} with Node ${process.version}: `),
    );
    assert.equal(remedies.length, 4);
    for (const [i, remedy] of [/npm run setup/, /npm rebuild lmspt/, /lmspt doctor/].entries()) {
      assert.match(remedies[i + 1]!, remedy);
    }
  });
});

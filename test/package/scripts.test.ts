import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./root.js";

const load = (path: string) => import(pathToFileURL(join(root, "scripts", path)).href);

describe("scripts/write-esm-entry.mjs", () => {
  it("names every export of the CommonJS entry and shares its values", async () => {
    const folder = await mkdtemp(join(tmpdir(), "lmspt-esm-"));
    try {
      await writeFile(
        join(folder, "index.js"),
        `Object.defineProperty(exports, "__esModule", { value: true });
         Object.defineProperty(exports, "B", { enumerable: true, get: () => process });
         exports.a = { b: 1 };`,
      );
      const { writeEsmEntry } = await load("write-esm-entry.mjs");
      writeEsmEntry(folder);
      const entry = await import(pathToFileURL(join(folder, "index.mjs")).href);
      assert.deepEqual(Object.keys(entry), ["B", "a"]);
      assert.equal(entry.a, require(join(folder, "index.js")).a);
      assert.equal(entry.B, process);
      assert.equal(await readFile(join(folder, "index.d.mts"), "utf8"), 'export * from "./index.js";\n');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("scripts/support", () => {
  it("adds up what the steps report and goes on after a failure", async () => {
    const { runSteps } = await load("support/steps.mjs");
    const { log, error } = console;
    const lines: string[] = [];
    console.log = console.error = (line: string) => lines.push(line);
    try {
      const total = await runSteps([
        { name: "counts", run: async () => ({ passed: 3, failed: 1 }) },
        { name: "throws", run: () => Promise.reject(new Error("the reason")) },
        { name: "remark", run: async () => "skipped" },
        { name: "silent", run: async () => {} },
      ]);
      assert.deepEqual(total, { passed: 5, failed: 2 });
    } finally {
      Object.assign(console, { log, error });
    }
    assert.deepEqual(
      lines.map((line) => line.replace(/ +\(\d+\.\d s\)$/, "").replace(/ +/, " ")),
      ["counts 3 passed, 1 failed", "the reason", "throws failed", "remark skipped", "silent passed"],
    );
  });

  it("keeps the end of a failed command's output", async () => {
    const { run } = await load("support/run.mjs");
    const program = 'for (let i = 0; i < 1000; i++) console.log("line " + i); process.exitCode = 7;';
    await assert.rejects(run(process.execPath, ["-e", program]), (error: Error & { output: string }) => {
      assert.match(error.message, /failed with status 7$/);
      assert.match(error.output, /^line 940\n[\s\S]*line 999$/);
      return true;
    });
  });

  it("ends a command that takes too long", async () => {
    const { run } = await load("support/run.mjs");
    const hang = run(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { limitSeconds: 0.2 });
    await assert.rejects(hang, /was ended by SIGTERM/);
  });

  it("sees a changed name, content or fact in a fingerprint", async () => {
    const { fingerprint } = await load("support/fingerprint.mjs");
    const base = fingerprint(["package.json"], ["x"]);
    assert.equal(fingerprint(["package.json"], ["x"]), base);
    assert.notEqual(fingerprint(["tsconfig.json"], ["x"]), base);
    assert.notEqual(fingerprint(["package.json"], ["y"]), base);
    assert.notEqual(fingerprint(["package.json", "tsconfig.json"], ["x"]), base);
  });
});

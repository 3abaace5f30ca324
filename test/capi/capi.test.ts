/** A program in C, without Node, with the shared library of the C API. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Graph } from "../../lib/graph/graph.js";
import { packageRoot } from "../../lib/graph/native.js";
import { affine } from "../../lib/graph/ops/index.js";

const root = packageRoot();
const libraries = join(root, "build", "Release");

describe("the C API", () => {
  let folder: string;
  before(function () {
    // The C program is compiled and linked as on Linux.
    if (process.platform !== "linux") this.skip();
    folder = mkdtempSync(join(tmpdir(), "lmspt-capi-"));
  });
  after(() => folder && rmSync(folder, { recursive: true, force: true }));

  it("runs a plan file from a C program, and refuses what it cannot do", () => {
    const program = join(folder, "program");
    const include = join(root, "csrc", "capi");
    const source = join(root, "test", "capi", "program.c");
    const linking = ["-x", "none", "-L", libraries, "-llmspt", `-Wl,-rpath,${libraries}`];
    const flags = ["-std=c99", "-pedantic-errors", "-Wall", "-Werror", "-I", include, "-x", "c", source, ...linking];
    const compiled = spawnSync("c++", [...flags, "-o", program], { encoding: "utf8" });
    assert.equal(compiled.status, 0, compiled.stderr);

    const graph = new Graph();
    const y = affine(graph.input("x", [1, 3]), 2, 1);
    writeFileSync(join(folder, "a.plan"), graph.serialize({ y }));
    const { status, stdout, stderr } = spawnSync(program, [join(folder, "a.plan")], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    const [counts, ports, values, ...refusals] = stdout.trimEnd().split("\n");
    assert.deepEqual([counts, ports, values], ["1 input, 1 output", "x of 2 dimensions -> y", "3 5 7 "]);
    const expected = [
      /^no memory: -1 Expected memory for x but received NULL$/,
      /^no plan: -1 Expected a plan but received NULL$/,
      /^no device: -1 Expected a device but received NULL$/,
      /^no file: -3 Expected to open absent\.plan/,
      /^not a plan: -2 Not a valid plan file/,
      /^threads: -1 Expected 0 to 1024 threads but received -1$/,
      /^variant: -4 Expected the CPU variant \(LMSPT_CPU\) to be one of .*portable/,
      /^library: -4 Expected the CUDA library at absent/,
    ];
    assert.equal(refusals.length, expected.length, stdout);
    for (const [i, refusal] of refusals.entries()) assert.match(refusal, expected[i]!);
  });
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./root.js";

describe("bin/lmspt.js", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "lmspt-bin-"));
    await cp(join(root, "bin"), join(folder, "bin"), { recursive: true });
    await mkdir(join(folder, "node_modules"));
    await symlink(join(root, "node_modules/node-gyp-build"), join(folder, "node_modules/node-gyp-build"), "junction");
  });

  afterEach(() => rm(folder, { recursive: true, force: true }));

  const writeProgram = async (source: string) => {
    await mkdir(join(folder, "dist/lib/cli"), { recursive: true });
    await writeFile(join(folder, "dist/lib/cli/main.js"), source);
  };

  const start = (...args: string[]) =>
    spawnSync(process.execPath, [join(folder, "bin/lmspt.js"), ...args], { encoding: "utf8" });

  it("points an unbuilt clone to the set-up", async () => {
    await mkdir(join(folder, "scripts"));
    await writeFile(join(folder, "scripts/setup.mjs"), "");
    const { status, stderr } = start("--version");
    assert.equal(status, 1);
    assert.match(stderr, /not built yet: run "npm run setup" in /);
  });

  it("names the missing addon when a command fails without it", async () => {
    await writeProgram("exports.main = async () => 3;");
    const { status, stderr } = start("encode");
    assert.equal(status, 3);
    assert.match(stderr, /no native addon for .*: run "npm rebuild lmspt"/);
  });

  it("is silent about the addon when the command succeeds", async () => {
    await writeProgram("exports.main = async (argv) => { console.log(argv.join()); return 0; };");
    const { status, stdout, stderr } = start("info", "x");
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "info,x\n", stderr: "" });
  });
});

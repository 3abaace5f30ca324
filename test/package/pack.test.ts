import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "./root.js";

const execute = promisify(execFile);
const isWindows = process.platform === "win32";
const generated = ["node_modules", ".git", "build", "prebuilds", "coverage", "demo-output", "models"];
const largestTarball = 20e6;

interface Packed {
  filename: string;
  size: number;
  files: { path: string }[];
}

const npm = async (folder: string, ...args: string[]) =>
  (await execute("npm", args, { cwd: folder, shell: isWindows })).stdout;

const node = async (folder: string, ...args: string[]) =>
  (await execute(process.execPath, args, { cwd: folder })).stdout.trim();

/** Copies the checkout into `stage` with this build of the addon in the place of a prebuilt one. */
async function stagePackage(stage: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (!generated.includes(name)) await cp(join(root, name), join(stage, name), { recursive: true });
  }
  const prebuilds = join(stage, "prebuilds", `${process.platform}-${process.arch}`);
  await mkdir(prebuilds, { recursive: true });
  await copyFile(join(root, "build/Release/lmspt.node"), join(prebuilds, "lmspt.node"));
}

/** Gives `project` the installed dependencies of the package, so that npm finds them there and needs no network. */
async function bringDependencies(project: string): Promise<void> {
  const lock = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8"));
  const needed = Object.entries<{ dev?: boolean }>(lock.packages)
    .filter(([path, entry]) => path !== "" && !entry.dev && path.lastIndexOf("node_modules/") === 0)
    .map(([path]) => path);
  for (const path of needed) await cp(join(root, path), join(project, path), { recursive: true });
}

describe("npm pack", function () {
  this.timeout(180_000);
  let folder: string;
  let project: string;
  let packed: Packed;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "lmspt-pack-"));
    const stage = join(folder, "stage");
    project = join(folder, "project");
    await mkdir(project);
    await stagePackage(stage);
    [packed] = JSON.parse(await npm(stage, "pack", "--ignore-scripts", "--json", "--pack-destination", folder));
    await writeFile(join(project, "package.json"), JSON.stringify({ name: "user", private: true }));
    await bringDependencies(project);
    await npm(
      project,
      "install",
      "--offline",
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
      join(folder, packed.filename),
    );
  });

  after(() => rm(folder, { recursive: true, force: true }));

  it("holds what is needed to run and to build from source", () => {
    const paths = packed.files.map((file) => file.path);
    for (const path of [
      "LICENSE",
      "README.md",
      "bin/lmspt.js",
      "binding.gyp",
      "CMakeLists.txt",
      "csrc/capi/lmspt.h",
      "dist/lib/index.js",
      "dist/lib/index.mjs",
      "dist/lib/index.d.ts",
      "dist/lib/index.d.mts",
      "dist/lib/cli/main.js",
      "bundled-model/config.json",
      "bundled-model/model.safetensors",
      "scripts/build-native.mjs",
      "scripts/install.mjs",
      "scripts/support/tools.mjs",
      `prebuilds/${process.platform}-${process.arch}/lmspt.node`,
    ]) {
      assert.ok(paths.includes(path), `${path} is not in the tarball`);
    }
  });

  it("holds nothing else", () => {
    const allowed =
      /^(LICENSE|README\.md|package\.json|binding\.gyp|CMakeLists\.txt|bin\/lmspt\.js|bundled-model\/(README\.md|config\.json|model\.safetensors)|cmake\/.*\.cmake|csrc\/.*\.(cc|h|cu|cuh|def|md)|dist\/lib\/.*\.(js|mjs|d\.ts|d\.mts)|prebuilds\/.*\.node|scripts\/(build-native|install|support\/(build-folder|paths|tools))\.mjs)$/;
    const paths = packed.files.map((file) => file.path);
    assert.deepEqual(
      paths.filter((path) => !allowed.test(path)),
      [],
    );
    assert.ok(packed.size < largestTarball, `the tarball has ${packed.size} bytes`);
  });

  for (const [title, options, load] of [
    ["requires", [], 'const { Tokenizer } = require("lmspt");'],
    ["imports", ["--input-type=module"], 'import { Tokenizer } from "lmspt";'],
  ] as const) {
    it(`turns audio into tokens and back in a project that ${title} it`, async () => {
      const program = `${load}
        (async () => {
          const tokenizer = await Tokenizer.load("12.5hz-16k-small");
          const tokens = await tokenizer.encode({ samples: new Float32Array(5000), sampleRate: 16000 });
          const speech = await tokenizer.decode(tokens);
          await tokenizer.close();
          console.log(speech.samples.length);
        })();`;
      assert.equal(await node(project, ...options, "-e", program), "5000");
    });
  }

  it("is one and the same through both module systems", async () => {
    const program = `
      import { createRequire } from "node:module";
      import * as imported from "lmspt";
      const required = createRequire(process.cwd() + "/")("lmspt");
      const names = Object.keys(required);
      console.log(names.length > 0 && names.every((name) => imported[name] === required[name]));`;
    assert.equal(await node(project, "--input-type=module", "-e", program), "true");
  });

  it("offers its command to npx", async () => {
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
    assert.equal((await npm(project, "exec", "--offline", "--no", "--", "lmspt", "--version")).trim(), version);
  });
});

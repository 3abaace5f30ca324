import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import nodeGypBuild from "node-gyp-build";
import { cudaLibraryPath } from "../../lib/graph/native.js";
import { packageRoot } from "../../lib/io/package-root.js";
import { emulatedLibrary } from "../device/cuda-device.js";
import { root } from "../package/root.js";
import { launcher, type Outcome, run, runChild, temporaryFolder } from "./support.js";

describe("lmspt doctor", () => {
  const at = temporaryFolder();

  it("reports what was found", async () => {
    const { status, stdout, stderr } = await run("doctor");
    assert.equal(status, 0);
    assert.equal(stderr, "");
    assert.match(stdout, /^ok +Node\.js +v\d+/m);
    assert.match(stdout, /^ok +native addon +\S+\.node$/m);
    assert.match(stdout, /^ok +CPU +\S.*, \d+ threads, kernels .*portable/m);
    for (const name of ["CUDA library", "NVIDIA driver", "CUDA devices", "model cache", "model 12.5hz-24k"]) {
      assert.match(stdout, new RegExp(`^(ok|missing) +${name} `, "m"));
    }
    assert.match(stdout, /\nModels run on the CPU/);
  });

  it("reports it to programs", async () => {
    const { status, stdout } = await run("doctor", "--json");
    const machine = JSON.parse(stdout);
    assert.equal(status, 0);
    assert.equal(machine.node, process.version);
    assert.equal(machine.addon.problem, undefined);
    assert.ok(machine.cpu.threads >= 1);
    assert.ok(machine.cpu.variants.includes("portable"));
    assert.equal(
      machine.cuda.problem === undefined,
      machine.cuda.devices.length > 0 && machine.cuda.opsWithoutKernel.length === 0,
    );
    const names = machine.models.presets.map(({ name }: { name: string }) => name);
    assert.deepEqual(names, ["12.5hz-16k-small", "12.5hz-24k"]);
  });

  it("finds cached models without downloading them", async () => {
    const before = process.env.HF_HUB_CACHE;
    process.env.HF_HUB_CACHE = at("cache");
    try {
      const { models } = JSON.parse((await run("doctor", "--json")).stdout);
      assert.deepEqual(models, {
        cacheFolder: at("cache"),
        cacheFound: false,
        offline: false,
        presets: [{ name: "12.5hz-16k-small", source: join(packageRoot(), "bundled-model") }, { name: "12.5hz-24k" }],
      });
    } finally {
      if (before === undefined) delete process.env.HF_HUB_CACHE;
      else process.env.HF_HUB_CACHE = before;
    }
  });

  describe("explains what CUDA lacks", () => {
    const withLibrary = async (path: string, ...args: string[]): Promise<string> => {
      process.env.LMSPT_CUDA_LIBRARY = path;
      try {
        return (await run("doctor", ...args)).stdout;
      } finally {
        delete process.env.LMSPT_CUDA_LIBRARY;
      }
    };

    it("a library that does not load", async () => {
      await writeFile(at("liblmspt_cuda.so"), "not a library");
      const text = await withLibrary(at("liblmspt_cuda.so"));
      assert.match(
        text,
        /^missing +CUDA library +\S+liblmspt_cuda\.so$\s+Expected the CUDA library at .+does not load: /m,
      );
      assert.match(text, /-> build lmspt again, all of it at once/);
      const { cuda } = JSON.parse(await withLibrary(at("liblmspt_cuda.so"), "--json"));
      assert.equal(cuda.libraryFound, true);
      assert.match(cuda.libraryProblem, /does not load/);
    });

    it("a library of another version", async () => {
      const text = await withLibrary(nodeGypBuild.path(root));
      assert.match(text, /belongs to another version of lmspt; build it again/);
    });

    it("no library", async () => {
      const text = await withLibrary(at("absent.so"));
      assert.match(text, /^missing +CUDA library +\S+absent\.so$\s+-> build lmspt where nvcc/m);
      assert.match(text, /Why not on CUDA: Expected the CUDA library at .+absent\.so, but there is none/);
    });

    it("nothing, where a device can be used", async () => {
      const text = await withLibrary(emulatedLibrary);
      assert.match(text, /^ok +CUDA library +\S+emulated\.so$/m);
      assert.match(text, /^ok +CUDA devices +cuda:0 Emulated GPU 0, compute capability \d+\.\d, \d+\.\d GiB$/m);
    });

    const library = cudaLibraryPath();
    const noDriver = existsSync(library) ? undefined : "this build has no CUDA library";
    const title = "a driver that is missing, too old, or sees no GPU";
    (noDriver === undefined ? it : it.skip)(noDriver ? `${title} (pending: ${noDriver})` : title, async () => {
      const reports: Record<string, RegExp> = {
        "int cuDriverGetVersion(int* v) { *v = 11040; return 0; } int cuInit(unsigned f) { return 0; }":
          /^missing +CUDA devices +The NVIDIA driver is too old: it supports CUDA 11\.4, .+$\s+-> update the NVIDIA driver/m,
        "int cuDriverGetVersion(int* v) { *v = 99000; return 0; } int cuInit(unsigned f) { return 100; }":
          /Why not on CUDA: The driver answers, but it sees no GPU/,
      };
      for (const [source, expected] of Object.entries(reports)) {
        execFileSync("cc", ["-shared", "-fPIC", "-x", "c", "-", "-o", at("libcuda.so.1")], { input: source });
        const env = { ...process.env, LD_LIBRARY_PATH: at() };
        assert.match(execFileSync(process.execPath, [launcher, "doctor"], { encoding: "utf8", env }), expected);
      }
    });
  });

  describe("without the native addon", () => {
    const start = async (...args: string[]): Promise<Outcome> => {
      for (const part of ["bin", "package.json", "dist/lib"]) {
        await cp(join(root, part), at("package", part), { recursive: true });
      }
      await mkdir(at("package"), { recursive: true });
      await symlink(join(root, "node_modules"), at("package/node_modules"), "junction");
      return runChild(at("package/bin/lmspt.js"), args);
    };

    it("works, says where it looked and what helps", async () => {
      const { status, stdout } = await start("doctor");
      assert.equal(status, 3);
      assert.match(stdout, /^missing +native addon +No native build was found/m);
      assert.match(stdout, /-> npm rebuild lmspt in your project/);
      assert.match(stdout, /^missing +CUDA library /m);
      assert.match(stdout, /\nModels cannot run here until the native addon loads\.\n/);
    });

    it("works for programs", async () => {
      const { status, stdout } = await start("doctor", "--json");
      const machine = JSON.parse(stdout);
      assert.equal(status, 3);
      assert.match(machine.addon.problem, /No native build was found/);
      assert.equal(machine.cpu, undefined);
    });

    it("lets encode fail with the diagnosis", async () => {
      const speech = join(root, "test/fixtures/audio/speech-1s.wav");
      const { status, stderr } = await start("encode", speech, "-o", at("out/"), "--model", "random:1:tiny");
      assert.equal(status, 3);
      assert.match(stderr, /^lmspt: The native addon of lmspt does not load /m);
    });
  });
});

import assert from "node:assert/strict";
import { cp, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../package/root.js";
import { type Outcome, run, runChild, temporaryFolder } from "./support.js";

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
    assert.equal(machine.models.presets[0].name, "12.5hz-24k");
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
        presets: [{ name: "12.5hz-24k" }],
      });
    } finally {
      if (before === undefined) delete process.env.HF_HUB_CACHE;
      else process.env.HF_HUB_CACHE = before;
    }
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

import assert from "node:assert/strict";
import { PRESETS, type ResolveOptions, resolveModel } from "../../lib/hub/index.js";
import { FakeHub } from "./fakeHub.js";
import { randomContent, Sandbox } from "./sandbox.js";

describe("resolving a model name", () => {
  const preset = PRESETS[0]!;
  const { weightsFile } = preset;
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await Sandbox.make();
  });
  afterEach(() => sandbox.remove());

  /** Offline, so that an unexpected request is an error. */
  function resolve(name: string, options: ResolveOptions = {}) {
    const env = { ...sandbox.env, HF_HUB_OFFLINE: "1", ...options.env };
    return resolveModel(name, { workingFolder: sandbox.folder, ...options, env });
  }

  describe("that is a path", () => {
    it("finds a folder, relative or absolute", async () => {
      const configPath = await sandbox.write("m/config.json", "{}");
      const weightsPath = await sandbox.write("m/model.safetensors", "");
      const source = sandbox.path("m");
      const expected = { kind: "folder", configPath, weightsPath, preset: undefined, licence: undefined, source };
      assert.deepEqual(await resolve("m"), expected);
      assert.deepEqual(await resolve("./m/"), expected);
      assert.deepEqual(await resolve(source), expected);
    });

    it("finds a weights file and the config beside it", async () => {
      await sandbox.write("m/other.safetensors", "");
      const weightsPath = await sandbox.write("m/mine.safetensors", "");
      assert.equal((await resolve("m/mine.safetensors")).configPath, undefined);
      const configPath = await sandbox.write("m/config.json", "{}");
      const model = await resolve("m/mine.safetensors");
      assert.deepEqual([model.weightsPath, model.configPath, model.source], [weightsPath, configPath, weightsPath]);
    });

    it("knows published weights by their file name", async () => {
      await sandbox.write(`m/${weightsFile}`, "");
      for (const name of ["m", `m/${weightsFile}`]) {
        const { preset: found, licence } = await resolve(name);
        assert.deepEqual([found, licence?.id], ["12.5hz-24k", "CC-BY-NC-4.0"], name);
      }
    });

    it("says what would have been a model when there is none", async () => {
      await sandbox.write("notes.txt", "");
      for (const name of ["nowhere", "notes.txt", "notes.txt/model.safetensors", "12.5hz", "none.safetensors"]) {
        const message = /expected a model folder.*12\.5hz-24k.*hf:\/\//;
        await assert.rejects(resolve(name), { code: "ERR_LMSPT_MODEL", message }, name);
      }
      await assert.rejects(resolve(""), { code: "ERR_LMSPT_INVALID_ARGUMENT" });
      await assert.rejects(resolve(7 as unknown as string), { code: "ERR_LMSPT_INVALID_ARGUMENT" });
    });
  });

  describe("that is a preset", () => {
    it("looks in LMSPT_MODELS, then in ./models, then in the cache", async () => {
      const snapshot = `.cache/huggingface/hub/models--kakaocorp--lmspt/snapshots/${"a".repeat(40)}`;
      await sandbox.write(".cache/huggingface/hub/models--kakaocorp--lmspt/refs/main", "a".repeat(40));
      const inCache = await sandbox.write(`${snapshot}/${weightsFile}`, "");
      const env = { LMSPT_MODELS: sandbox.path("elsewhere") };
      const weightsPath = async () => (await resolve(preset.name, { env })).weightsPath;
      assert.equal(await weightsPath(), inCache);
      const inModels = await sandbox.write(`models/${preset.name}/${weightsFile}`, "");
      assert.equal(await weightsPath(), inModels);
      const inVariable = await sandbox.write(`elsewhere/${preset.name}/model.safetensors`, "");
      assert.equal(await weightsPath(), inVariable);
    });

    it("states the licence wherever it was found", async () => {
      await sandbox.write(`models/${preset.name}/${weightsFile}`, "");
      const { licence, preset: found } = await resolve(preset.name);
      assert.equal(found, preset.name);
      assert.equal(licence?.commercialUse, false);
      assert.match(licence.notice, /kakaocorp\/lmspt.*CC-BY-NC-4\.0.*non-commercial/);
    });

    it("does not pass over a local folder without weights", async () => {
      await sandbox.write(`models/${preset.name}/readme.txt`, "");
      await assert.rejects(resolve(preset.name), { code: "ERR_LMSPT_MODEL", message: /holds none/ });
    });

    it("offline says where it looked", async () => {
      const error = await resolve(preset.name, { env: { LMSPT_MODELS: "elsewhere" } }).catch((reason: Error) => reason);
      const text = String(error);
      assert.equal((error as { code?: string }).code, "ERR_LMSPT_DOWNLOAD");
      for (const place of [
        "elsewhere/12.5hz-24k",
        "models/12.5hz-24k",
        ".cache/huggingface/hub/models--kakaocorp--lmspt",
      ]) {
        assert.ok(
          text.replaceAll("\\", "/").includes(sandbox.path(place).replaceAll("\\", "/")),
          `${place} in ${text}`,
        );
      }
      assert.match(text, /HF_HUB_OFFLINE/);
    });

    it("is downloaded otherwise, by either of its names, without a config", async () => {
      const hub = await new FakeHub(preset.repo).start();
      try {
        hub.add(weightsFile, randomContent(1000));
        const options = { env: { HF_ENDPOINT: hub.endpoint, HF_HUB_OFFLINE: "" } };
        const model = await resolve(preset.name, options);
        assert.equal(model.source, `hf://kakaocorp/lmspt@${hub.commit}/${weightsFile}`);
        assert.deepEqual([model.configPath, model.preset, model.licence], [undefined, preset.name, preset.licence]);
        assert.ok(hub.requests.every(({ path }) => !path.includes("config.json")));
        assert.deepEqual(await resolve("hf://kakaocorp/lmspt"), model);
      } finally {
        await hub.stop();
      }
    });
  });

  describe("that is a hub name", () => {
    it("must name weights", async () => {
      await assert.rejects(resolve("hf://a/b/pytorch_model.bin"), { code: "ERR_LMSPT_INVALID_ARGUMENT" });
      await assert.rejects(resolve("hf://a"), { code: "ERR_LMSPT_INVALID_ARGUMENT" });
    });

    it("offline says which file is missing where", async () => {
      const message = /hf:\/\/a\/b@v1\/model\.safetensors.*models--a--b/;
      await assert.rejects(resolve("hf://a/b@v1"), { code: "ERR_LMSPT_DOWNLOAD", message });
    });

    it("offline does not guess that there is no config", async () => {
      const commit = "b".repeat(40);
      await sandbox.write(`.cache/huggingface/hub/models--a--b/snapshots/${commit}/model.safetensors`, "");
      await assert.rejects(resolve(`hf://a/b@${commit}`), { code: "ERR_LMSPT_DOWNLOAD", message: /config\.json/ });
    });
  });
});

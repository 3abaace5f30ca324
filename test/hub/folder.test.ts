import assert from "node:assert/strict";
import { findModelInFolder } from "../../lib/hub/folder.js";
import { Sandbox } from "./sandbox.js";

describe("model folder", () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await Sandbox.make();
  });
  afterEach(() => sandbox.remove());

  it("prefers model.safetensors, with the config beside it", async () => {
    const configPath = await sandbox.write("config.json", "{}");
    const weightsPath = await sandbox.write("model.safetensors", "");
    await sandbox.write("another.safetensors", "");
    assert.deepEqual(await findModelInFolder(sandbox.folder), { configPath, weightsPath });
  });

  it("takes the only weights there are", async () => {
    const weightsPath = await sandbox.write("lmspt.safetensors", "");
    await sandbox.write("readme.txt", "");
    assert.deepEqual(await findModelInFolder(sandbox.folder), { configPath: undefined, weightsPath });
  });

  it("refuses an empty folder and one that leaves the choice open", async () => {
    await assert.rejects(findModelInFolder(sandbox.folder), { code: "ERR_LMSPT_MODEL", message: /holds none/ });
    await sandbox.write("b.safetensors", "");
    await sandbox.write("a.safetensors", "");
    await assert.rejects(findModelInFolder(sandbox.folder), {
      code: "ERR_LMSPT_MODEL",
      message: /holds 2: a\.safetensors, b\.safetensors/,
    });
  });
});

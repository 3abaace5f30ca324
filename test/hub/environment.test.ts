import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { readHubEnvironment } from "../../lib/hub/environment.js";

describe("hub environment", () => {
  const home = resolve("/home/somebody");
  const base = { HOME: home, USERPROFILE: home };
  const read = (env: NodeJS.ProcessEnv) => readHubEnvironment({ ...base, ...env }, resolve("/project"));

  it("has the hub's own defaults", () => {
    assert.deepEqual(read({}), {
      endpoint: "https://huggingface.co",
      offline: false,
      cacheFolder: join(home, ".cache/huggingface/hub"),
      symlinks: true,
      token: undefined,
      tokenFile: join(home, ".cache/huggingface/token"),
      modelFolders: [resolve("/project/models")],
    });
  });

  it("takes the most specific cache folder, and an empty variable for none", () => {
    const all = { HF_HUB_CACHE: "/a", HF_HOME: "/b", XDG_CACHE_HOME: "/c" };
    assert.equal(read(all).cacheFolder, resolve("/a"));
    assert.equal(read({ ...all, HF_HUB_CACHE: "" }).cacheFolder, resolve("/b/hub"));
    assert.equal(read({ XDG_CACHE_HOME: "/c" }).cacheFolder, resolve("/c/huggingface/hub"));
    assert.equal(read(all).tokenFile, resolve("/b/token"));
    assert.equal(read({ HF_TOKEN_PATH: "/d/token" }).tokenFile, resolve("/d/token"));
  });

  it("understands ~ and relative folders", () => {
    assert.equal(read({ HF_HOME: "~/hf" }).cacheFolder, join(home, "hf/hub"));
    assert.equal(read({ HF_HUB_CACHE: "~" }).cacheFolder, home);
    assert.equal(read({ HF_HUB_CACHE: "~other/x" }).cacheFolder, resolve("/project/~other/x"));
    assert.equal(read({ HF_HUB_CACHE: "hub" }).cacheFolder, resolve("/project/hub"));
  });

  it("looks for presets in LMSPT_MODELS before ./models", () => {
    assert.deepEqual(read({ LMSPT_MODELS: "/m" }).modelFolders, [resolve("/m"), resolve("/project/models")]);
  });

  it("reads switches as Python does", () => {
    for (const yes of ["1", "ON", "yes", "True"]) assert.equal(read({ HF_HUB_OFFLINE: yes }).offline, true, yes);
    for (const no of ["", "0", "off", "no"]) assert.equal(read({ HF_HUB_OFFLINE: no }).offline, false, no);
    assert.equal(read({ HF_HUB_DISABLE_SYMLINKS: "1" }).symlinks, false);
  });

  it("trims the token and the end of the endpoint", () => {
    assert.equal(read({ HF_TOKEN: " hf_abc\n" }).token, "hf_abc");
    assert.equal(read({ HF_ENDPOINT: "https://mirror.example/hub//" }).endpoint, "https://mirror.example/hub");
  });

  it("refuses an endpoint that is not an address", () => {
    for (const bad of ["huggingface.co", "file:///etc", "ftp://x"]) {
      assert.throws(() => read({ HF_ENDPOINT: bad }), { code: "ERR_LMSPT_INVALID_ARGUMENT" }, bad);
    }
  });
});

import assert from "node:assert/strict";
import { lstat, readFile, readlink, rm, symlink } from "node:fs/promises";
import { RepoCache } from "../../lib/hub/cache.js";
import { Sandbox } from "./sandbox.js";

describe("hub cache", () => {
  const commit = "c".repeat(40);
  const checksum = "d".repeat(64);
  const folder = "models--owner--repo";
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await Sandbox.make();
    await sandbox.write(`${folder}/blobs/${checksum}`, "content");
  });
  afterEach(() => sandbox.remove());
  const open = (symlinks = true) => new RepoCache(sandbox.folder, "owner/repo", symlinks);

  it("publishes a relative link that follows the cache when it is moved", async () => {
    const path = await open().publish(checksum, commit, "sub/model.safetensors");
    assert.equal(path, sandbox.path(`${folder}/snapshots/${commit}/sub/model.safetensors`));
    assert.equal(
      await readlink(path),
      `../../../blobs/${checksum}`.replaceAll("/", process.platform === "win32" ? "\\" : "/"),
    );
    assert.equal(await readFile(path, "utf8"), "content");
    assert.equal(await open().find(commit, "sub/model.safetensors"), path);
  });

  it("publishes a copy where links are switched off", async () => {
    const path = await open(false).publish(checksum, commit, "model.safetensors");
    assert.equal((await lstat(path)).isFile(), true);
    assert.equal(await readFile(path, "utf8"), "content");
  });

  it("takes a link without content for nothing and replaces it", async () => {
    const cache = open();
    await cache.publish(checksum, commit, "a");
    const path = cache.snapshotPath(commit, "a");
    await rm(path);
    await symlink("../../blobs/gone", path);
    assert.equal(await cache.find(commit, "a"), undefined);
    await cache.publish(checksum, commit, "a");
    assert.equal(await cache.find(commit, "a"), path);
    assert.deepEqual(await sandbox.list(`${folder}/snapshots`), [`${commit}/a`]);
  });

  it("remembers what a revision names", async () => {
    const cache = open();
    assert.equal(await cache.commitOf("main"), undefined);
    assert.equal(await cache.commitOf(commit), commit);
    await cache.setCommit("main", commit);
    await cache.setCommit("refs/pr/1", commit);
    await cache.setCommit(commit, commit);
    assert.equal(await cache.commitOf("refs/pr/1"), commit);
    assert.equal(await readFile(sandbox.path(`${folder}/refs/main`), "utf8"), commit);
    assert.deepEqual(await sandbox.list(`${folder}/refs`), ["main", "refs/pr/1"]);
    await cache.setCommit("main", "e".repeat(40));
    assert.equal(await cache.commitOf("main"), "e".repeat(40));
  });

  it("does not believe a damaged ref", async () => {
    await sandbox.write(`${folder}/refs/main`, "../../../secret");
    assert.equal(await open().commitOf("main"), undefined);
  });

  it("remembers what a commit lacks", async () => {
    const cache = open();
    assert.equal(await cache.isKnownAbsent(commit, "config.json"), false);
    await cache.markAbsent(commit, "config.json");
    assert.equal(await cache.isKnownAbsent(commit, "config.json"), true);
    assert.deepEqual(await sandbox.list(`${folder}/.no_exist`), [`${commit}/config.json`]);
  });
});

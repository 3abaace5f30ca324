import assert from "node:assert/strict";
import { checksumLike } from "../../lib/hub/checksum.js";
import { Sandbox } from "./sandbox.js";

describe("checksum", () => {
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await Sandbox.make();
  });
  afterEach(() => sandbox.remove());

  it("is SHA-256 or git's blob SHA-1, as the given one", async () => {
    const path = await sandbox.write("a", "hello\n");
    assert.equal(await checksumLike("0".repeat(40), path), "ce013625030ba8dba906f756967f9e9ca394464a");
    assert.equal(
      await checksumLike("0".repeat(64), path),
      "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
    );
  });

  it("stops on abort", async () => {
    const path = await sandbox.write("a", "hello\n");
    const reason = new Error("enough");
    await assert.rejects(checksumLike("0".repeat(64), path, AbortSignal.abort(reason)), (error) => error === reason);
  });
});

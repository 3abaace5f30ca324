import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { withFileLock } from "../../lib/hub/lock.js";
import { pause } from "../../lib/hub/retry.js";
import { Sandbox } from "./sandbox.js";

describe("file lock", () => {
  const times = { pollMs: 5, heartbeatMs: 20, staleMs: 150 };
  let sandbox: Sandbox;
  beforeEach(async () => {
    sandbox = await Sandbox.make();
  });
  afterEach(() => sandbox.remove());

  it("lets one in at a time and is gone afterwards", async () => {
    const path = sandbox.path("locks/a");
    let inside = 0;
    let worst = 0;
    const enter = () =>
      withFileLock(
        path,
        undefined,
        async () => {
          worst = Math.max(worst, ++inside);
          await pause(5, undefined);
          inside--;
        },
        times,
      );
    await Promise.all(Array.from({ length: 8 }, enter));
    assert.equal(worst, 1);
    assert.equal(existsSync(path), false);
  });

  it("is released when the action fails", async () => {
    const path = sandbox.path("a");
    const failing = withFileLock(path, undefined, () => Promise.reject(new Error("no")), times);
    await assert.rejects(failing, /no/);
    assert.equal(existsSync(path), false);
  });

  it("outlives staleMs while its owner lives", async () => {
    const path = sandbox.path("a");
    const order: string[] = [];
    const long = withFileLock(path, undefined, () => pause(500, undefined).then(() => order.push("first")), times);
    await pause(20, undefined);
    await withFileLock(path, undefined, async () => order.push("second"), times);
    await long;
    assert.deepEqual(order, ["first", "second"]);
  });

  it("is taken over at once from a dead process of this machine", async () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    const path = await sandbox.write("a", JSON.stringify({ token: "old", pid, host: hostname() }));
    const patient = { ...times, staleMs: 60_000 };
    assert.equal(await withFileLock(path, undefined, async () => "in", patient), "in");
  });

  it("is taken over by one of several when the owner gives no sign", async () => {
    const path = await sandbox.write("a", JSON.stringify({ token: "old", pid: 1, host: "elsewhere" }));
    const started = performance.now();
    let inside = 0;
    const enter = () =>
      withFileLock(
        path,
        undefined,
        async () => {
          assert.equal(++inside, 1);
          await pause(20, undefined);
          inside--;
        },
        times,
      );
    await Promise.all([enter(), enter(), enter()]);
    assert.ok(performance.now() - started >= times.staleMs);
    assert.deepEqual(await sandbox.list("."), []);
  });

  it("recovers from a lock file cut short", async () => {
    const path = await sandbox.write("a", '{"token": "ol');
    assert.equal(await withFileLock(path, undefined, async () => "in", times), "in");
  });

  it("stops waiting on abort and leaves the other's lock alone", async () => {
    const path = await sandbox.write("a", JSON.stringify({ token: "x", pid: process.pid, host: hostname() }));
    const reason = new Error("enough");
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 20);
    const waiting = withFileLock(path, controller.signal, async () => assert.fail("entered"), {
      ...times,
      staleMs: 60_000,
    });
    await assert.rejects(waiting, (error) => error === reason);
    assert.equal(existsSync(path), true);
  });
});

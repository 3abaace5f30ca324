import assert from "node:assert/strict";
import { TaskPool } from "../../../lib/train/data/task-pool.js";

/** Its script lies among the tests. */
const poolOf = (threads: number, limitMs?: number) =>
  new TaskPool<string, string>("../../../test/train/data/children/moody-worker.js", threads, limitMs);

describe("threads that do tasks", function () {
  this.timeout(20_000);

  it("answer each request, and go on after one that fails", async () => {
    const pool = poolOf(2);
    try {
      const answers = await Promise.allSettled(["a", "fail", "b", "c"].map((request) => pool.run(request)));
      assert.deepEqual(
        answers.map((answer) => (answer.status === "fulfilled" ? answer.value : answer.reason.message)),
        ["a!", "as asked", "b!", "c!"],
      );
    } finally {
      await pool.close();
    }
    await assert.rejects(pool.run("a"), { code: "ERR_LMSPT_CLOSED" });
  });

  it("are replaced where they get stuck or die, which costs the task alone", async () => {
    const pool = poolOf(1, 1500);
    try {
      const [stuck, dead, fine] = await Promise.allSettled(["hang", "die", "a"].map((request) => pool.run(request)));
      assert.match(String((stuck as PromiseRejectedResult).reason), /no result came for 1500 ms/);
      assert.match(String((dead as PromiseRejectedResult).reason), /dying/);
      assert.equal((fine as PromiseFulfilledResult<string>).value, "a!");
    } finally {
      await pool.close();
    }
  });

  it("lose nothing to an answer that comes after its thread was given up, as after a process stood still", async () => {
    const pool = poolOf(1, 1500);
    try {
      assert.equal(await pool.run("a"), "a!");
      await new Promise((resolve) => setImmediate(resolve)); // timers come next, messages after them
      const late = pool.run("b");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000);
      await assert.rejects(late, /no result came for 1500 ms/);
      assert.deepEqual(await Promise.all(["c", "d"].map((request) => pool.run(request))), ["c!", "d!"]);
    } finally {
      await pool.close();
    }
  });

  it("let go of what waits when they are closed", async () => {
    const pool = poolOf(1);
    const waiting = ["hang", "a"].map((request) => pool.run(request));
    const settled = Promise.allSettled(waiting);
    await pool.close();
    for (const { status } of await settled) assert.equal(status, "rejected");
  });
});

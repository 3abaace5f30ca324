import assert from "node:assert/strict";
import { LmsptError } from "../../lib/errors.js";
import {
  DEFAULT_NETWORK_POLICY,
  makeNetworkPolicy,
  parseRetryAfter,
  pause,
  TransientError,
  withRetries,
} from "../../lib/hub/retry.js";

describe("retries", () => {
  const policy = { ...DEFAULT_NETWORK_POLICY, attempts: 3, firstDelayMs: 1, maxDelayMs: 2, maxRetryAfterMs: 50 };

  it("follow the default policy with the changes that make sense", () => {
    assert.deepEqual(makeNetworkPolicy({ attempts: 9 }), { ...DEFAULT_NETWORK_POLICY, attempts: 9 });
    for (const changes of [
      { attempts: 0 },
      { attempts: NaN },
      { idleTimeoutMs: 0 },
      { maxDelayMs: -1 },
      { firstDelayMs: 2 ** 31 },
    ]) {
      const message = new RegExp(`network\\.${Object.keys(changes)[0]}`);
      assert.throws(() => makeNetworkPolicy(changes), { code: "ERR_LMSPT_INVALID_ARGUMENT", message });
    }
  });

  it("repeat what may pass and return what came of it", async () => {
    let calls = 0;
    const result = await withRetries(policy, undefined, async () => {
      if (++calls < 3) throw new TransientError("not yet");
      return "done";
    });
    assert.deepEqual([result, calls], ["done", 3]);
  });

  it("give up after so many failures in a row, keeping the cause", async () => {
    const cause = new Error("reset");
    let calls = 0;
    const attempt = async () => {
      calls++;
      throw new TransientError("broken", { cause });
    };
    await assert.rejects(withRetries(policy, undefined, attempt), (error: LmsptError) => {
      assert.equal(error.code, "ERR_LMSPT_DOWNLOAD");
      assert.match(error.message, /broken.*3 failures in a row/);
      return error.cause === cause;
    });
    assert.equal(calls, 3);
  });

  it("count anew after progress", async () => {
    let calls = 0;
    await withRetries(policy, undefined, async (succeeding) => {
      if (++calls > 10) return;
      succeeding();
      throw new TransientError("again");
    });
    assert.equal(calls, 11);
  });

  it("leave other errors alone", async () => {
    let calls = 0;
    const attempt = async () => {
      calls++;
      throw new LmsptError("ERR_LMSPT_MODEL", "no");
    };
    await assert.rejects(withRetries(policy, undefined, attempt), { code: "ERR_LMSPT_MODEL" });
    assert.equal(calls, 1);
  });

  it("wait as long as the server asks, but not for ever", async () => {
    const started = performance.now();
    let calls = 0;
    await withRetries(policy, undefined, async () => {
      if (++calls === 1) throw new TransientError("busy", { retryAfterMs: 40 });
    });
    assert.ok(performance.now() - started >= 35);
    const attempt = () => Promise.reject(new TransientError("busy", { retryAfterMs: 90_000 }));
    await assert.rejects(withRetries(policy, undefined, attempt), /asks to wait 90 s/);
  });

  it("stop at once on abort, with its reason", async () => {
    const reason = new Error("enough");
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 10);
    const started = performance.now();
    await assert.rejects(pause(10_000, controller.signal), (error) => error === reason);
    await assert.rejects(pause(10_000, controller.signal), (error) => error === reason);
    assert.ok(performance.now() - started < 2_000);
  });

  it("read Retry-After as seconds and as a date", () => {
    assert.equal(parseRetryAfter(null), undefined);
    assert.equal(parseRetryAfter("soon"), undefined);
    assert.equal(parseRetryAfter("3"), 3000);
    const now = Date.parse("Wed, 21 Oct 2026 07:28:00 GMT");
    assert.equal(parseRetryAfter("Wed, 21 Oct 2026 07:28:30 GMT", now), 30_000);
    assert.equal(parseRetryAfter("Wed, 21 Oct 2026 07:27:30 GMT", now), 0);
  });
});

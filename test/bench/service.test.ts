import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { closedLoad, openLoad } from "../../bench/service/load.js";
import { measureService, toMarkdown } from "../../bench/service.js";
import { describeMachine } from "../../bench/support/machine.js";
import { quantile } from "../../bench/support/statistics.js";

describe("the service benchmark", function () {
  this.timeout(60_000);

  it("takes quantiles", () => {
    const values = Array.from({ length: 200 }, (_, i) => 200 - i);
    assert.deepEqual(
      [0, 0.5, 0.99, 1].map((share) => quantile(values, share)),
      [1, 100, 198, 200],
    );
    assert.equal(quantile([7], 0.99), 7);
  });

  it("keeps so many clients busy, and no more", async () => {
    let [now, most] = [0, 0];
    const send = async () => {
      most = Math.max(most, ++now);
      await sleep(1);
      now--;
      return 200;
    };
    const { latencies, refused } = await closedLoad(send, { clients: 3, requests: 20, maxSeconds: 30 });
    assert.deepEqual([most, latencies.length, refused], [3, 20, 0]);
  });

  it("sends at its own pace, counts refusals, and latency from when a request was due", async () => {
    let sent = 0;
    const send = async () => {
      const number = sent++;
      if (number % 2 === 1) return 429;
      await sleep(20);
      return 200;
    };
    const { latencies, refused } = await openLoad(send, { rate: 2000, requests: 40, maxSeconds: 30 });
    assert.deepEqual([sent, latencies.length, refused], [40, 20, 20]);
    // A timer may end up to a millisecond early: the one before the request, and the one that answers it.
    assert.ok(Math.min(...latencies) >= 18, String(latencies));
    await assert.rejects(
      openLoad(async () => 500, { rate: 100, requests: 1, maxSeconds: 1 }),
      /answered with 500/,
    );
  });

  it("measures a server of its own and stops it", async () => {
    const settings = { model: "random:1:tiny", clip: 1, loads: [0.5], requests: 20, maxSeconds: 10, clients: 4 };
    const measurements = await measureService(settings);
    assert.equal(measurements.length, 2);
    for (const { p50, p99, max, answered, refused, realTime } of measurements) {
      assert.equal(answered + refused, 20);
      assert.ok(p50 > 0 && p50 <= p99 && p99 <= max && realTime > 0);
    }
    const text = toMarkdown({ machine: describeMachine(), settings, measurements });
    assert.match(text, /^\| 4 clients without pause \| 20 \| 0 \| [\d.]+ \| [\d.]+x real time \| \d+ ms \| /m);
    assert.match(text, /^\| 50 %: [\d.]+ requests\/s at random /m);
  });
});

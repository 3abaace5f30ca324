import assert from "node:assert/strict";
import { type EventLoopDelay, measureEventLoopDelay } from "../../bench/event-loop.js";

const attempts = 5;

describe("event loop", () => {
  // Others may be at work on the machine, so the best of some measurements counts: what the addon held up would show in each.
  it("is not held up while a plan computes with all cores", async function () {
    this.timeout(30_000);
    const seen: EventLoopDelay[] = [];
    while (seen.length < attempts && !seen.some(({ p99 }) => p99 < 20)) seen.push(await measureEventLoopDelay(1));
    assert(
      seen.every(({ runs, runTime }) => runs >= 2 && runTime > 1) && seen.some(({ p99 }) => p99 < 20),
      JSON.stringify(seen),
    );
  });
});

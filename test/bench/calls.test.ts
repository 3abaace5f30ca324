import assert from "node:assert/strict";
import { measureCalls } from "../../bench/calls.js";

describe("the benchmark of calls", () => {
  it("times calls and the plans within them", async () => {
    const { device, ...times } = await measureCalls(20, "cpu", "random:1:tiny");
    assert.match(device, /threads?$/);
    for (const [what, milliseconds] of Object.entries(times)) assert(milliseconds > 0 && milliseconds < 1000, what);
    assert(times.emptyPlan < times.encodePlan && times.emptyPlan < times.decodePlan, JSON.stringify(times));
  });
});

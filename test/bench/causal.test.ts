import assert from "node:assert/strict";
import { measureSteps, summarize } from "../../bench/causal/steps.js";
import { toMarkdown } from "../../bench/causal.js";
import { describeMachine } from "../../bench/support/machine.js";
import { native } from "../../lib/graph/native.js";
import { randomModel, SMALL_FIELDS } from "../models/small-models.js";

describe("the benchmark of causal streams", () => {
  it("measures every push of a stream, in both directions", async () => {
    const model = await randomModel({ ...SMALL_FIELDS, is_causal: true });
    const variant = native().describeCpu().variants[0]!;
    const measured = await measureSteps(model, { variant, threads: 1, frames: 20, lengths: [1, 4] });
    const seen = measured.map(({ direction, length, times }) => [direction, length, times.length]);
    assert.deepEqual(seen, [
      ["encode", 1, 20],
      ["decode", 1, 20],
      ["encode", 4, 5],
      ["decode", 4, 5],
    ]);
    assert(measured.every(({ times }) => times.every((time) => time > 0)));
  });

  it("reports the median, the time per frame, the slowest and both ends of the stream", () => {
    const times = Array.from({ length: 100 }, (_, i) => i + 1);
    const steps = { variant: "avx2", threads: 2, direction: "encode", length: 4, times } as const;
    assert.deepEqual(summarize(steps), { push: 50.5, frame: 12.625, p99: 99, first: 5.5, last: 95.5 });
    const machine = { ...describeMachine(), date: "2026-01-02T03:04:05Z", commit: "abc" };
    const text = toMarkdown(machine, "npm run bench -- causal", 80, [steps]);
    assert.match(text, /^# .*, 2026-01-02$/m);
    assert.match(text, /^\| avx2 \| 2 \| encode \| 4 \| 50\.50 \| 12\.63 \| 99\.00 \| 5\.50 \| 95\.50 \|$/m);
  });
});

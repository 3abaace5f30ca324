import assert from "node:assert/strict";
import { describeMachine } from "../../bench/support/machine.js";
import { Contestant } from "../../bench/train/contestant.js";
import { OURS, toMarkdown } from "../../bench/train.js";

describe("the benchmark of training steps", () => {
  it("measures steps of a process in its turn, and the memory that it held", async function () {
    this.timeout(30_000);
    const worker = require.resolve("../../bench/train/worker.js");
    const small = ["data.batch=1", "data.seconds=0.32", "threads=1", "teacher.model=random:1:mini"];
    const settings = ["tiny", ...small, "teacher.window=segment"];
    const contestant = await Contestant.start(OURS, process.execPath, [worker, ...settings]);
    assert.match(contestant.description, /^lmspt, .*1 threads/);
    await contestant.step();
    await contestant.step();
    assert(contestant.times.length === 2 && contestant.times.every((seconds) => seconds > 0));
    assert((await contestant.finish())! > 30e6);
  });

  it("tells of a process that ends before its time", async () => {
    await assert.rejects(Contestant.start("nobody", process.execPath, ["-e", ""]), /nobody ended before it answered/);
  });

  it("reports medians, ratios and memory", () => {
    const text = toMarkdown({
      machine: { ...describeMachine(), date: "2026-01-02T03:04:05Z", commit: "abc" },
      command: "npm run bench -- train",
      settings: {
        device: "cpu",
        teacher: "base",
        batch: 1,
        seconds: 2,
        threads: 2,
        repeats: 3,
        settings: [],
        peers: [],
        python: "",
      },
      measurements: [
        { model: "tiny", contestant: OURS, description: "lmspt, avx2", times: [2, 1, 2.5], peakBytes: 2 ** 30 },
        { model: "tiny", contestant: "PyTorch, lean", description: "PyTorch 9", times: [5, 5, 5], peakBytes: 2 ** 31 },
      ],
    });
    assert.match(text, /^# .*, 2026-01-02$/m);
    assert.match(text, /^\| tiny \| lmspt, avx2 \| 2\.00 s \(75 %\) \| {2}\| 1\.00 GiB \| {2}\|$/m);
    assert.match(text, /^\| tiny \| PyTorch, lean, PyTorch 9 \| 5\.00 s \(0 %\) \| 2\.50 \| 2\.00 GiB \| 0\.50 \|$/m);
  });
});

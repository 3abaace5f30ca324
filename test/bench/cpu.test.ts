import assert from "node:assert/strict";
import { openEngine } from "../../bench/cpu/contestants.js";
import { measureLimits } from "../../bench/cpu/limits.js";
import { type Report, toMarkdown } from "../../bench/cpu/report.js";
import { allowedCpus, describeMachine } from "../../bench/support/machine.js";
import { speechOf } from "../../bench/support/speech.js";
import { median, spread } from "../../bench/support/statistics.js";
import { native } from "../../lib/graph/native.js";
import { samplesPerFrame } from "../../lib/models/config.js";
import { randomModel, SMALL_FIELDS } from "../models/small-models.js";

describe("the CPU benchmark", () => {
  it("takes the median and the spread of times", () => {
    assert.equal(median([5, 1, 3]), 3);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.equal(spread([2, 1, 3]), 1);
  });

  it("measures with speech that has no long silence", async () => {
    const clip = await speechOf(20, 16000);
    assert.equal(clip.length, 320000);
    for (let start = 0; start < clip.length; start += 16000) {
      assert(
        clip.subarray(start, start + 16000).some((sample) => Math.abs(sample) > 0.05),
        `second ${start / 16000}`,
      );
    }
  });

  it("has one result from every variant of the engine", async () => {
    const model = await randomModel(SMALL_FIELDS);
    const samples = (await speechOf(1, 16000)).subarray(0, 100 * samplesPerFrame(model.config));
    const results: { codes: Int32Array; speech: Float32Array }[] = [];
    for (const variant of native().describeCpu().variants) {
      const contestant = openEngine(model, variant, 1);
      const codes = await contestant.encode(samples);
      assert.equal(codes.length, 800);
      results.push({ codes, speech: await contestant.decode(codes) });
      await contestant.close();
    }
    for (const { codes, speech } of results) {
      assert.deepEqual(codes, results[0]!.codes);
      assert(speech.every((sample, i) => Math.abs(sample - results[0]!.speech[i]!) < 1e-4));
    }
  });

  it("knows the machine and its limits", async () => {
    const machine = describeMachine();
    assert.match(machine.commit, /^([0-9a-f]{40}(-dirty)?|unknown)$/);
    assert(machine.variants.includes("portable"));
    if (process.platform === "linux") assert(allowedCpus()!.length >= 1);
    const { matrixGflops, copyGBs } = await measureLimits(1);
    assert(matrixGflops > 0.1 && copyGBs > 0.1);
  });

  it("reports speed, spread, ratio and the worst agreement", () => {
    const report: Report = {
      machine: { ...describeMachine(), date: "2026-01-02T03:04:05Z", commit: "abc" },
      command: "npm run bench -- cpu",
      model: "random:1",
      peer: "onnxruntime-node 9.9.9",
      pinned: true,
      limits: { 1: { matrixGflops: 100.4, copyGBs: 20 } },
      measurements: [
        {
          threads: 1,
          clip: 10,
          direction: "encode",
          runs: { "onnxruntime-node": [2, 2.2, 2], avx2: [1, 0.8, 0.9] },
          agreement: { "onnxruntime-node": 1, avx2: 0.75 },
        },
        {
          threads: 1,
          clip: 10,
          direction: "decode",
          runs: { "onnxruntime-node": [2], avx2: [4] },
          agreement: { "onnxruntime-node": 0, avx2: 0.00012 },
        },
      ],
    };
    const text = toMarkdown(report);
    assert.match(text, /^# .*, 2026-01-02$/m);
    assert.match(text, /^\| threads \| clip \| direction \| onnxruntime-node 9\.9\.9 \| avx2 \| agreement \|$/m);
    assert.match(text, /^\| 1 \| 10 s \| encode \| 5\.00x \(10 %\) \| 11\.1x \(22 %\) \*\*2\.22\*\* \| 75\.00 % \|$/m);
    assert.match(text, /^\| 1 \| 10 s \| decode \| 5\.00x \(0 %\) \| 2\.50x \(0 %\) \*\*0\.50\*\* \| 1\.2e-4 \|$/m);
    assert.match(text, /Limits at 1 thread\(s\): matrix product 100 GFLOP\/s, copy 20\.0 GB\/s\./);
  });
});

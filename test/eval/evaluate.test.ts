import assert from "node:assert/strict";
import { speechOf } from "../../bench/support/speech.js";
import { evaluate } from "../../lib/eval/evaluate.js";
import { logMelDistance } from "../../lib/eval/log-mel-distance.js";
import { Tokenizer } from "../../lib/models/tokenizer.js";

describe("evaluation of a tokenizer", () => {
  it("measures what comes back from each mode, and the codes that were used", async () => {
    await using tokenizer = await Tokenizer.load("random:1:tiny", { device: "cpu" });
    const audio = { samples: await speechOf(1.3, 22050), sampleRate: 22050 };
    const seen: number[] = [];
    const onProgress = (done: number) => seen.push(done);
    const result = await evaluate(tokenizer, [{ audio }, { audio }], { modes: ["full", "aux"], onProgress });
    assert.equal(result.recordings, 2);
    assert(Math.abs(result.seconds - 2.6) < 0.01);
    assert.deepEqual(seen, [1, 2]);
    assert.deepEqual([...result.decoded.keys()], ["full", "aux"]);
    for (const quality of result.decoded.values()) {
      assert(quality.logMelDistance! > 0 && quality.stoi! < 1 && quality.siSdr! < 20, JSON.stringify(quality));
      assert.equal(quality.wordErrorRate, undefined);
    }
    const { semantic, acoustic } = result.usage;
    assert(semantic.used > 0 && semantic.used < 1 && semantic.perplexity >= 1 && acoustic.perplexity >= 1);

    const original = { samples: await speechOf(1.3, tokenizer.sampleRate), sampleRate: tokenizer.sampleRate };
    const again = await tokenizer.decode(await tokenizer.encode(audio));
    const length = Math.min(again.samples.length, original.samples.length);
    const distance = logMelDistance(
      { ...original, samples: original.samples.subarray(0, length) },
      { ...again, samples: again.samples.subarray(0, length) },
    );
    assert(Math.abs(distance - result.decoded.get("full")!.logMelDistance!) < 0.2 * distance);
  });

  it("goes on after a recording that cannot be encoded where it may tell of it, and ends at it otherwise", async () => {
    await using tokenizer = await Tokenizer.load("random:1:tiny", { device: "cpu" });
    const whole = { audio: { samples: await speechOf(0.5, 24000), sampleRate: 24000 } };
    const broken = { audio: { samples: new Float32Array(24000).fill(Number.NaN), sampleRate: 24000 } };
    const told: unknown[] = [];
    const onBroken = (item: unknown, error: unknown) => told.push(item, (error as { code?: string }).code);
    const result = await evaluate(tokenizer, [broken, whole], { modes: ["full"], onBroken });
    assert.equal(result.recordings, 1);
    assert.deepEqual(told, [broken, "ERR_LMSPT_INVALID_ARGUMENT"]);
    await assert.rejects(evaluate(tokenizer, [broken, whole]), { code: "ERR_LMSPT_INVALID_ARGUMENT" });
  });
});

import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import type { Audio } from "../../lib/audio/audio.js";
import type { Tokens } from "../../lib/data/tokens.js";
import { LmsptError } from "../../lib/errors.js";
import { type BatchedTokenizer, Batcher } from "../../lib/models/batcher.js";
import { Tokenizer } from "../../lib/models/tokenizer.js";
import { assertRefused, wrong } from "../refusals.js";

/** A tokenizer that answers when it is told to, and notes the lengths that it was asked for together. */
class SlowTokenizer {
  readonly sampleRate = 100;
  readonly samplesPerFrame = 10;
  readonly calls: { lengths: number[]; signal: AbortSignal; answer(): void; fail(error: Error): void }[] = [];

  encode(audios: readonly (Audio | Float32Array)[], { signal }: { signal: AbortSignal }): Promise<number[]> {
    const lengths = audios.map((audio) => (audio instanceof Float32Array ? audio : audio.samples).length);
    return new Promise((resolve, reject) => {
      this.calls.push({ lengths, signal, answer: () => resolve(lengths), fail: reject });
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  }

  get lengths(): number[][] {
    return this.calls.map(({ lengths }) => lengths);
  }
}

describe("Batcher", () => {
  const slow = (options?: ConstructorParameters<typeof Batcher>[1]) => {
    const tokenizer = new SlowTokenizer();
    const batcher = new Batcher(tokenizer as unknown as BatchedTokenizer, options);
    const encode = (samples: number, signal?: AbortSignal) =>
      batcher.encode(new Float32Array(samples), { signal }) as unknown as Promise<number>;
    return { tokenizer, batcher, encode };
  };

  it("refuses what is no audio, no tokens or no option", async () => {
    const { tokenizer, batcher } = slow();
    await assertRefused([
      [() => batcher.encode(wrong(5)), "Expected a Float32Array or { samples, sampleRate } for audio but received 5"],
      [() => batcher.encode(new Float32Array(1), { signal: wrong(5) }), "Expected an AbortSignal for signal"],
      [() => batcher.decode(wrong(undefined)), "Expected an object for tokens but received undefined"],
      [() => batcher.decode(wrong({}), wrong(null)), "Expected an object for the options but received null"],
      [() => slow({ onBatch: wrong(5) }), "Expected a function for onBatch but received 5"],
    ]);
    assert.deepEqual(tokenizer.calls, []);
  });

  it("gathers short items of any lengths where the tokenizer mixes them", async () => {
    const tokenizer = Object.assign(new SlowTokenizer(), { mixedFrames: 3 });
    const batcher = new Batcher(tokenizer as unknown as BatchedTokenizer);
    const results = [10, 20, 30, 35, 5, 12, 40].map((samples) => batcher.encode(new Float32Array(samples)));
    tokenizer.calls[0]!.answer();
    await setImmediate();
    tokenizer.calls[1]!.answer();
    await setImmediate();
    assert.deepEqual(tokenizer.lengths, [[10], [20], [30, 5, 12], [35, 40]]);
    for (const call of tokenizer.calls.slice(2)) call.answer();
    await Promise.all(results);
  });

  it("gathers what waits and has equal padded lengths, the oldest first", async () => {
    const { tokenizer, batcher, encode } = slow({ maxBatch: 3 });
    const results = [10, 10, 20, 35, 40, 15, 31, 39, 20].map((samples) => encode(samples));
    assert.deepEqual(tokenizer.lengths, [[10], [10]]);
    assert.equal(batcher.waiting, 7);
    for (let i = 0; i < 5; i++) {
      tokenizer.calls[i]!.answer();
      await setImmediate();
    }
    assert.deepEqual(tokenizer.lengths, [[10], [10], [20, 15, 20], [35, 40, 31], [39]]);
    assert.deepEqual(await Promise.all(results), [10, 10, 20, 35, 40, 15, 31, 39, 20]);
  });

  it("counts frames at the tokenizer's rate", async () => {
    const { tokenizer, batcher, encode } = slow();
    const first = [encode(1), encode(1)];
    const audio = { samples: new Float32Array(41), sampleRate: 200 };
    const both = [encode(30), batcher.encode(audio)];
    tokenizer.calls[0]!.answer();
    await setImmediate();
    assert.deepEqual(tokenizer.lengths, [[1], [1], [30, 41]]);
    for (const call of tokenizer.calls) call.answer();
    await Promise.all([...first, ...both]);
  });

  it("waits for others as long as it is told, but not for a full batch", async () => {
    const { tokenizer, encode } = slow({ waitMs: 20, maxBatch: 2 });
    const start = performance.now();
    const results = [encode(10), encode(20)];
    assert.deepEqual(tokenizer.lengths, []);
    results.push(encode(10));
    assert.deepEqual(tokenizer.lengths, [[10, 10]]);
    while (tokenizer.calls.length < 2) await setImmediate();
    assert.ok(performance.now() - start >= 19);
    for (const call of tokenizer.calls) call.answer();
    assert.deepEqual(await Promise.all(results), [10, 20, 10]);
  });

  it("takes aborted items out, and ends a batch without any left", async () => {
    const { tokenizer, batcher, encode } = slow();
    const [running, waiting, one, two] = Array.from({ length: 4 }, () => new AbortController());
    const blocked = [encode(1, running!.signal), encode(1)];
    const rejected = encode(20, waiting!.signal);
    const batch = [encode(30, one!.signal), encode(30, two!.signal)];
    waiting!.abort(new Error("gone"));
    await assert.rejects(rejected, /gone/);
    assert.equal(batcher.waiting, 2);
    running!.abort(new Error("left"));
    await assert.rejects(blocked[0]!, /left/);
    assert.ok(tokenizer.calls[0]!.signal.aborted);
    await setImmediate();
    assert.deepEqual(tokenizer.lengths.at(-1), [30, 30]);
    one!.abort(new Error("one"));
    await assert.rejects(batch[0]!, /one/);
    assert.ok(!tokenizer.calls.at(-1)!.signal.aborted);
    two!.abort(new Error("two"));
    await assert.rejects(batch[1]!, /two/);
    assert.ok(tokenizer.calls.at(-1)!.signal.aborted);
    await assert.rejects(encode(1, two!.signal), /two/);
    tokenizer.calls[1]!.answer();
    assert.equal(await blocked[1], 1);
  });

  it("repeats a failed batch one by one", async () => {
    const { tokenizer, encode } = slow();
    const results = [encode(1), encode(1), encode(28), encode(29), encode(30)].map((result) => result.catch(String));
    tokenizer.calls[0]!.answer();
    await setImmediate();
    tokenizer.calls[2]!.fail(new Error("one of them"));
    for (let i = 3; i < 6; i++) {
      await setImmediate();
      if (tokenizer.calls[i]!.lengths[0] === 29) tokenizer.calls[i]!.fail(new Error("29 is bad"));
      else tokenizer.calls[i]!.answer();
    }
    tokenizer.calls[1]!.answer();
    assert.deepEqual(await Promise.all(results), [1, 1, 28, "Error: 29 is bad", 30]);
  });

  it("gives the results of single calls, both ways", async () => {
    await using tokenizer = await Tokenizer.load("random:3:tiny", { device: "cpu" });
    const sizes: number[] = [];
    const batcher = new Batcher(tokenizer, { onBatch: (items) => sizes.push(items) });
    const lengths = [24000, 23999, 5000, 24000, 23000, 0, 24000];
    const clips = lengths.map((length, i) => Float32Array.from({ length }, (_, n) => Math.sin(n * (i + 1) * 0.01) / 2));
    const tokens = await Promise.all(clips.map((clip) => batcher.encode(clip)));
    const modes = [{}, { codebooks: 2 }, { mode: "aux" }] as const;
    const speech = await Promise.all(tokens.map((item, i) => batcher.decode(item, modes[i % 3])));
    for (const [i, clip] of clips.entries()) {
      assert.deepEqual(tokens[i], await tokenizer.encode(clip));
      assert.deepEqual(speech[i], await tokenizer.decode(tokens[i] as Tokens, modes[i % 3]));
    }
    assert.ok(Math.max(...sizes) > 1, sizes.join());
    await assert.rejects(batcher.encode(Float32Array.of(Number.NaN)), LmsptError);
  });

  it("refuses arguments of a wrong type", async () => {
    const { tokenizer, batcher } = slow();
    await assertRefused([
      [() => slow(wrong(null)), "Expected an object for the options"],
      [() => slow({ maxBatch: 0 }), "Expected a whole number from 1 to 1024 for maxBatch"],
      [() => slow({ onBatch: wrong(5) }), "Expected a function for onBatch"],
      [() => batcher.encode(wrong("speech.wav")), "Expected a Float32Array or { samples, sampleRate } for audio"],
      [() => batcher.encode(wrong({})), "Expected a Float32Array or { samples, sampleRate } for audio"],
      [() => batcher.encode(new Float32Array(1), { signal: wrong(5) }), "Expected an AbortSignal for signal"],
      [() => batcher.decode(wrong(undefined)), "Expected an object for tokens"],
    ]);
    assert.equal(tokenizer.calls.length, 0);
  });
});

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { ReadableStream } from "node:stream/web";
import type { Tokenizer, Tokens } from "../../lib/index.js";
import { randomFloats } from "../golden.js";
import { useFolder } from "./small-models.js";
import { collect, cut, HOP, joinAudio, joinTokens, loadSmall } from "./stream-models.js";

describe("the use of streams", function () {
  this.timeout(30_000);
  const path = useFolder();
  const audio = randomFloats(120 * HOP + 17, 1);
  const reason = new Error("enough");
  let tokenizer: Tokenizer;
  let whole: Tokens;
  let empty: Tokens;
  before(async () => {
    tokenizer = await loadSmall(path("model"), {});
    whole = await tokenizer.encode(audio);
    empty = await tokenizer.encode(new Float32Array());
  });
  after(() => tokenizer.close());

  /** Pieces without end, and how many were taken and whether they were let go of. */
  function endless() {
    const seen = { taken: 0, released: false };
    const source = (async function* () {
      try {
        for (;;) {
          seen.taken++;
          yield randomFloats(HOP, seen.taken);
        }
      } finally {
        seen.released = true;
      }
    })();
    return { source, seen };
  }

  it("takes Web streams, Node streams and iterables, and is one itself", async () => {
    const sources = [
      ReadableStream.from(cut(audio, [700])),
      Readable.from(cut(audio, [700])),
      (async function* () {
        yield* cut(audio, [700]);
      })(),
      [audio],
    ];
    for (const source of sources) {
      assert.deepEqual(joinTokens(await collect(tokenizer.encodeStream(source)), empty), whole);
    }
    const web = ReadableStream.from(tokenizer.encodeStream([audio]));
    assert.deepEqual(joinTokens(await collect(web), empty), whole);
    const node = Readable.from(tokenizer.decodeStream(tokenizer.encodeStream([audio])));
    assert.deepEqual(joinAudio(await collect(node)), (await tokenizer.decode(whole)).samples);
  });

  it("resamples what comes at another rate, as the whole is resampled", async () => {
    for (const sampleRate of [8000, 44100, 48000]) {
      const samples = randomFloats(sampleRate, sampleRate);
      const expected = await tokenizer.encode({ samples, sampleRate });
      for (const length of [997, 1_000_000]) {
        const stream = tokenizer.encodeStream(cut(samples, [length]), { sampleRate });
        assert.deepEqual(joinTokens(await collect(stream), empty), expected);
      }
    }
  });

  it("gives nothing for nothing", async () => {
    assert.deepEqual(await collect(tokenizer.encodeStream([])), []);
    assert.deepEqual(await collect(tokenizer.encodeStream([new Float32Array(0)])), []);
    assert.deepEqual(await collect(tokenizer.decodeStream([])), []);
    assert.deepEqual(await collect(tokenizer.decodeStream([empty])), []);
  });

  it("takes no more than the next piece needs, and nothing before it is asked", async () => {
    const { source, seen } = endless();
    const stream = tokenizer.encodeStream(source);
    await new Promise(setImmediate);
    assert.equal(seen.taken, 0);
    const first = await stream.next();
    assert(!first.done);
    const taken = seen.taken;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(seen.taken, taken);
    await stream.return();
  });

  it("lets go of the source when the consumer has enough, before, between and during pieces", async () => {
    const before = endless();
    await tokenizer.encodeStream(before.source).return();
    assert.equal(before.seen.taken, 0);
    const between = endless();
    for await (const { tokens } of tokenizer.encodeStream(between.source)) {
      assert(tokens.frames > 0);
      break;
    }
    assert(between.seen.released);
    let cancelled: unknown;
    const web = new ReadableStream<Float32Array>({
      pull: () => new Promise(() => {}),
      cancel: (received) => {
        cancelled = received ?? true;
      },
    });
    const stream = tokenizer.encodeStream(web);
    const waiting = stream.next();
    await stream.return();
    assert.equal((await waiting).done, true);
    assert(cancelled);
    assert.equal((await stream.next()).done, true);
  });

  it("is aborted by its signal, at once, and lets go of the source", async () => {
    const { source, seen } = endless();
    const controller = new AbortController();
    const stream = tokenizer.encodeStream(source, { signal: controller.signal });
    await stream.next();
    controller.abort(reason);
    await assert.rejects(stream.next(), (error) => error === reason);
    await new Promise(setImmediate);
    assert(seen.released);
    const waiting = new AbortController();
    const stalled = new ReadableStream<Float32Array>({ pull: () => new Promise(() => {}) });
    const next = tokenizer.encodeStream(stalled, { signal: waiting.signal }).next();
    waiting.abort(reason);
    await assert.rejects(next, (error) => error === reason);
    const late = tokenizer.decodeStream([whole], { signal: AbortSignal.abort(reason) });
    await assert.rejects(late.next(), (error) => error === reason);
  });

  it("passes the source's errors on, and refuses pieces that are none", async () => {
    const failing = async function* () {
      yield audio;
      throw reason;
    };
    await assert.rejects(collect(tokenizer.encodeStream(failing())), (error) => error === reason);
    const bad = audio.slice();
    bad[5000] = Number.NaN;
    await assert.rejects(collect(tokenizer.encodeStream(cut(bad, [999]))), {
      code: "ERR_LMSPT_INVALID_ARGUMENT",
      message: /NaN at sample 5000/,
    });
    for (const piece of [Buffer.from([1, 2]), 5, undefined, [1, 2]]) {
      await assert.rejects(collect(tokenizer.encodeStream([piece as unknown as Float32Array])), {
        code: "ERR_LMSPT_INVALID_ARGUMENT",
        message: /a Float32Array for a piece of audio/,
      });
    }
    const foreign = { ...whole, model: "another" };
    await assert.rejects(collect(tokenizer.decodeStream([whole, foreign])), { code: "ERR_LMSPT_MODEL" });
    await assert.rejects(collect(tokenizer.decodeStream([undefined as unknown as Tokens])), {
      code: "ERR_LMSPT_INVALID_ARGUMENT",
    });
  });

  it("refuses sources and options that are none, at once", () => {
    const refused = { code: "ERR_LMSPT_INVALID_ARGUMENT" };
    assert.throws(() => tokenizer.encodeStream(audio as unknown as Float32Array[]), refused);
    assert.throws(() => tokenizer.decodeStream(whole as unknown as Tokens[]), refused);
    for (const options of [{ pieceSeconds: 0 }, { pieceSeconds: Infinity }, { lookahead: -1 }, { lookahead: "1" }]) {
      assert.throws(() => tokenizer.encodeStream([], options as object), refused, JSON.stringify(options));
      assert.throws(() => tokenizer.decodeStream([], options as object), refused, JSON.stringify(options));
    }
    assert.throws(() => tokenizer.encodeStream([], { sampleRate: 0.5 }), refused);
    assert.throws(() => tokenizer.decodeStream([], { codebooks: 99 }), refused);
  });

  it("counts every piece of tokens but the last with its whole frames", async () => {
    const a = await tokenizer.encode(audio.subarray(0, 3 * HOP + 5));
    const b = await tokenizer.encode(audio.subarray(0, 2 * HOP + 9));
    const chunks = await collect(tokenizer.decodeStream([a, empty, b, empty]));
    assert.equal(joinAudio(chunks).length, 4 * HOP + 2 * HOP + 9);
  });

  it("runs many streams at once, and other work between their pieces", async () => {
    const streams = Array.from({ length: 5 }, () => tokenizer.encodeStream(cut(audio, [500])));
    const all = await Promise.all([...streams.map((stream) => collect(stream)), tokenizer.encode(audio)]);
    for (const chunks of all.slice(0, 5)) assert.deepEqual(joinTokens(chunks as [], empty), whole);
    assert.deepEqual(all[5], whole);
  });

  it("ends with its tokenizer, whatever it waits for", async () => {
    const other = await loadSmall(path("other"), {});
    const stalled = new ReadableStream<Float32Array>({ pull: () => new Promise(() => {}) });
    const waiting = other.encodeStream(stalled).next();
    const { source, seen } = endless();
    const open = other.encodeStream(source);
    await open.next();
    const closing = other.close();
    await assert.rejects(waiting, { code: "ERR_LMSPT_CLOSED" });
    await assert.rejects(open.next(), { code: "ERR_LMSPT_CLOSED" });
    await closing;
    assert(seen.released);
    assert.throws(() => other.encodeStream([]), { code: "ERR_LMSPT_CLOSED" });
    await assert.rejects(other.encodeFile("a", "b"), { code: "ERR_LMSPT_CLOSED" });
  });
});

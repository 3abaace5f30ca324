import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import type { Tokens } from "../../lib/data/tokens.js";
import { whyNoCuda } from "../../lib/graph/device.js";
import { Tokenizer } from "../../lib/models/tokenizer.js";
import { randomFloats } from "../golden.js";
import { NARROW_FIELDS, randomModel, saveModel, useFolder } from "./small-models.js";

const HOP = 1920;

/** More than two windows of work. */
const LONG = randomFloats(1100 * HOP - 100, 1);

const CLOSED = { name: "LmsptError", code: "ERR_LMSPT_CLOSED", message: "The tokenizer is closed; load it again" };

describe("a tokenizer's work and end", () => {
  const path = useFolder();
  let narrow: Tokenizer;
  let longTokens: Tokens;
  before(async () => {
    await mkdir(path("narrow"));
    await saveModel(await randomModel(NARROW_FIELDS), path("narrow"));
    narrow = await load();
    longTokens = await narrow.encode(LONG);
  });
  after(() => narrow.close());

  const load = () => Tokenizer.load(path("narrow"), { device: "cpu" });

  describe("aborted", () => {
    const reason = new Error("enough");

    it("before it begins, rejects with the signal's reason", async () => {
      const signal = AbortSignal.abort(reason);
      const attempts = [
        Tokenizer.load("random:1:tiny", { device: "cpu", signal }),
        narrow.encode(LONG, { signal }),
        narrow.encode([new Float32Array(5)], { signal }),
        narrow.encode(path("missing.wav"), { signal }),
        narrow.decode(longTokens, { signal }),
        narrow.decode([longTokens], { signal }),
      ];
      for (const attempt of attempts) await assert.rejects(attempt, (error) => error === reason);
    });

    it("while loading, rejects with the signal's reason", async () => {
      const controller = new AbortController();
      const loading = Tokenizer.load("random:1:tiny", { device: "cpu", signal: controller.signal });
      controller.abort(reason);
      await assert.rejects(loading, (error) => error === reason);
    });

    const works = {
      encode: (options: object) => narrow.encode(LONG, options),
      decode: (options: object) => narrow.decode(longTokens, options),
    };
    for (const [name, work] of Object.entries(works)) {
      it(`in the middle of ${name}, stops after the piece under way`, async () => {
        const controller = new AbortController();
        let pieces = 0;
        const onProgress = () => {
          pieces++;
          controller.abort(reason);
        };
        await assert.rejects(work({ signal: controller.signal, onProgress }), (error) => error === reason);
        assert.equal(pieces, 1);
      });

      it(`by a time limit, ${name} rejects with a TimeoutError`, async () => {
        await assert.rejects(work({ signal: AbortSignal.timeout(5) }), { name: "TimeoutError" });
      });
    }

    it("between the items of a batch, leaves the rest", async () => {
      const controller = new AbortController();
      let done = 0;
      const onProgress = () => {
        if (++done === 2) controller.abort(reason);
      };
      const batch = Array.from({ length: 5 }, () => new Float32Array(HOP));
      const work = narrow.encode(batch, { signal: controller.signal, onProgress });
      await assert.rejects(work, (error) => error === reason);
      assert.equal(done, 2);
    });

    it("is as good as before afterwards", async () => {
      assert.deepEqual(await narrow.encode(LONG), longTokens);
    });
  });

  it("tells its progress in seconds up to the total", async () => {
    const total = LONG.length / 24000;
    const follow = async (work: (onProgress: (done: number, total: number) => void) => Promise<unknown>) => {
      const seen: number[] = [];
      await work((done, all) => {
        assert.equal(all, total);
        seen.push(done);
      });
      assert(seen.length >= 3);
      assert.deepEqual(
        seen,
        [...new Set(seen)].sort((a, b) => a - b),
      );
      assert(seen[0]! > 0);
      assert.equal(seen.at(-1), total);
    };
    await follow((onProgress) => narrow.encode(LONG, { onProgress }));
    await follow((onProgress) => narrow.decode(longTokens, { onProgress }));
    await follow((onProgress) => narrow.decode(longTokens, { mode: "aux", onProgress }));
  });

  it("does many things at once as it does them one by one", async () => {
    const audio = Array.from({ length: 12 }, (_, i) => randomFloats(((i * 7919) % (30 * HOP)) + 1, i));
    const together = await Promise.all([
      ...audio.map((samples) => narrow.encode(samples)),
      narrow.decode(longTokens),
      narrow.encode(LONG),
      narrow.decode(longTokens, { mode: "aux" }),
    ]);
    for (const [i, samples] of audio.entries()) assert.deepEqual(together[i], await narrow.encode(samples));
    assert.deepEqual(together.slice(-3), [
      await narrow.decode(longTokens),
      longTokens,
      await narrow.decode(longTokens, { mode: "aux" }),
    ]);
  });

  it("is not disturbed by other tokenizers", async () => {
    const samples = randomFloats(20 * HOP, 5);
    const names = ["random:1:tiny", "random:2:tiny", "random:1:tiny", path("narrow")];
    const use = async (name: string) => {
      await using tokenizer = await Tokenizer.load(name, { device: "cpu", threads: 1 });
      const tokens = await tokenizer.encode(samples);
      return { tokens, speech: await tokenizer.decode(tokens) };
    };
    const together = await Promise.all(names.map(use));
    for (const [i, name] of names.entries()) assert.deepEqual(together[i], await use(name));
    assert.deepEqual(together[0], together[2]);
  });

  describe("closed", () => {
    it("finishes what was asked for, and resolves after it", async () => {
      const tokenizer = await load();
      const done: string[] = [];
      const note = (name: string) => (result: unknown) => {
        done.push(name);
        return result;
      };
      const encoded = tokenizer.encode(LONG).then(note("encode"));
      const decoded = tokenizer.decode([longTokens, longTokens]).then(note("decode"));
      await tokenizer.close();
      done.push("close");
      assert.deepEqual(await encoded, longTokens);
      assert.equal(((await decoded) as unknown[]).length, 2);
      assert.equal(done.at(-1), "close");
    });

    it("also when what was asked for fails", async () => {
      const tokenizer = await load();
      const failing = tokenizer.encode(LONG, { signal: AbortSignal.timeout(1) });
      const closing = tokenizer.close();
      await assert.rejects(failing, { name: "TimeoutError" });
      await closing;
    });

    it("takes no more work, at once and later, and may be closed again", async () => {
      const tokenizer = await load();
      const closing = tokenizer.close();
      const attempts = () => [tokenizer.encode(LONG), tokenizer.encode([]), tokenizer.decode(longTokens)];
      for (const attempt of attempts()) await assert.rejects(attempt, CLOSED);
      await closing;
      for (const attempt of attempts()) await assert.rejects(attempt, CLOSED);
      await tokenizer.close();
      await tokenizer[Symbol.asyncDispose]();
    });

    it("by the end of its scope", async () => {
      let kept: Tokenizer;
      {
        await using tokenizer = await load();
        kept = tokenizer;
        assert.equal((await tokenizer.encode(new Float32Array(HOP))).frames, 1);
      }
      await assert.rejects(kept.encode(LONG), CLOSED);
    });
  });

  describe("on a machine without a GPU", () => {
    before(function () {
      // With a GPU there is no fallback to tell of.
      if (whyNoCuda() === undefined) this.skip();
    });

    it('throws for the device "cuda"', async () => {
      for (const device of ["cuda", "cuda:1"] as const) {
        await assert.rejects(Tokenizer.load("random:1:tiny", { device }), {
          name: "LmsptError",
          code: "ERR_LMSPT_DEVICE",
        });
      }
    });

    it('falls back for the device "auto", and tells why', async () => {
      for (const options of [{ device: "auto" as const }, {}]) {
        await using tokenizer = await Tokenizer.load("random:1:tiny", options);
        assert.match(tokenizer.info.device, /^cpu \(/);
        assert.equal(tokenizer.info.fallbackReason, whyNoCuda());
      }
    });
  });
});

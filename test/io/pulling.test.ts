import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { ReadableStream } from "node:stream/web";
import { orAborted, type PieceSource, pullFrom } from "../../lib/io/pulling.js";

/** Sources of 0, 1, 2, and of how many numbers were taken from them and whether they were let go of. */
function sources(): Record<string, { source: PieceSource<number>; taken: () => number; released: () => boolean }> {
  const counter = () => {
    const seen = { taken: 0, released: false };
    return { seen, taken: () => seen.taken, released: () => seen.released };
  };
  const generate = (seen: { taken: number; released: boolean }) =>
    (async function* () {
      try {
        while (seen.taken < 3) yield seen.taken++;
      } finally {
        seen.released = true;
      }
    })();
  const web = counter();
  const webStream = new ReadableStream<number>(
    {
      pull: (controller) => (web.seen.taken < 3 ? controller.enqueue(web.seen.taken++) : controller.close()),
      cancel: () => {
        web.seen.released = true;
      },
    },
    { highWaterMark: 0 },
  );
  const node = counter();
  const readable = new Readable({
    objectMode: true,
    highWaterMark: 1,
    read: () => void readable.push(node.seen.taken < 3 ? node.seen.taken++ : null),
    destroy: (error, done) => {
      node.seen.released = true;
      done(error);
    },
  });
  const generator = counter();
  const plain = counter();
  const iterable = {
    *[Symbol.iterator]() {
      try {
        while (plain.seen.taken < 3) yield plain.seen.taken++;
      } finally {
        plain.seen.released = true;
      }
    },
  };
  return {
    "a Web stream": { source: webStream, ...web },
    "a Node stream": { source: readable, ...node },
    "a generator": { source: generate(generator.seen), ...generator },
    "an iterable": { source: iterable, ...plain },
  };
}

describe("pulling", () => {
  for (const name of Object.keys(sources())) {
    it(`takes from ${name} what is asked for, to its end`, async () => {
      const { source, taken } = sources()[name]!;
      const puller = pullFrom(source, "the source");
      for (let i = 0; i < 3; i++) {
        assert.deepEqual(await puller.next(), { done: false, value: i });
        assert(taken() <= i + 3, "taken ahead");
      }
      assert.equal((await puller.next()).done, true);
      await puller.close(undefined);
    });

    it(`lets go of ${name}, once`, async () => {
      const { source, released } = sources()[name]!;
      const puller = pullFrom(source, "the source");
      await puller.next();
      await puller.close("no more");
      await puller.close("no more");
      assert(released());
    });
  }

  it("lets go of a source that is waited for", async () => {
    const never = new Promise<never>(() => {});
    const waiting = {
      [Symbol.asyncIterator]: () => ({ next: () => never, return: () => never }),
    };
    const web = new ReadableStream({ pull: () => never });
    for (const source of [waiting, web, new Readable({ objectMode: true, read: () => {} })]) {
      const puller = pullFrom(source as PieceSource<number>, "the source");
      puller.next().catch(() => {});
      await puller.close("no more");
    }
  });

  it("passes errors on", async () => {
    const error = new Error("broken");
    const failing: (() => PieceSource<number>)[] = [
      () => new ReadableStream({ pull: (controller) => controller.error(error) }),
      () => new Readable({ objectMode: true, read() {}, construct: (done) => done(error) }),
      () => new Readable({ objectMode: true, read: () => {} }).destroy(error),
      async function* () {
        yield* [];
        throw error;
      },
    ];
    for (const make of failing) {
      const puller = pullFrom(make(), "the source");
      await new Promise(setImmediate);
      await assert.rejects(puller.next(), (received) => received === error);
      await puller.close(error);
    }
  });

  it("refuses what is no source", () => {
    for (const wrong of [undefined, null, 5, "text", {}, new Float32Array(3)]) {
      assert.throws(() => pullFrom(wrong as unknown as PieceSource<number>, "the audio"), {
        code: "ERR_LMSPT_INVALID_ARGUMENT",
        message: /ReadableStream.*the audio/,
      });
    }
  });

  it("stops waiting when a signal is aborted, before or meanwhile, and leaves no listener", async () => {
    const reason = new Error("enough");
    const never = new Promise<never>(() => {});
    await assert.rejects(orAborted(never, AbortSignal.abort(reason)), (error) => error === reason);
    const controller = new AbortController();
    const waiting = orAborted(never, controller.signal);
    controller.abort(reason);
    await assert.rejects(waiting, (error) => error === reason);
    assert.equal(await orAborted(Promise.resolve(3), new AbortController().signal), 3);
  });
});

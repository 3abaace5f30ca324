import assert from "node:assert/strict";
import { PlanCache } from "../../lib/graph/plan-cache.js";

describe("the cache of plans", () => {
  let made: string[];
  let closed: string[];
  let cache: PlanCache<{ name: string; close(): void }>;
  beforeEach(() => {
    made = [];
    closed = [];
    cache = new PlanCache(2);
  });

  const make = (key: string) => async () => {
    made.push(key);
    return { name: `plan ${key}`, close: () => void closed.push(key) };
  };
  const use = (key: string) => cache.use(key, make(key), ({ name }) => name);

  it("makes a plan once, also when it is asked for twice at once", async () => {
    assert.deepEqual(await Promise.all([use("a"), use("a")]), ["plan a", "plan a"]);
    await use("a");
    assert.deepEqual(made, ["a"]);
    assert.deepEqual(closed, []);
  });

  it("closes the one that was not used for longest, and makes it again", async () => {
    for (const key of ["a", "b", "a", "c", "a", "b"]) assert.equal(await use(key), `plan ${key}`);
    assert.deepEqual(made, ["a", "b", "c", "b"]);
    assert.deepEqual(closed, ["b", "c"]);
  });

  it("closes no plan that is in use, and each one once", async () => {
    let finish = () => {};
    const unfinished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const long = [cache.use("a", make("a"), () => unfinished), cache.use("a", make("a"), () => unfinished)];
    for (const key of ["b", "c", "d"]) await use(key);
    assert.deepEqual(closed, ["b"]);
    finish();
    await Promise.all(long);
    assert.deepEqual(closed, ["b", "a"]);
  });

  it("closes a dropped plan also after its work has failed", async () => {
    const work = cache.use("a", make("a"), () => Promise.reject(new Error("lost")));
    cache.clear();
    await assert.rejects(work, { message: "lost" });
    assert.deepEqual(closed, ["a"]);
  });

  it("does not keep failures", async () => {
    const failing = () =>
      cache.use(
        "a",
        () => Promise.reject(new Error("no memory")),
        () => assert.fail(),
      );
    await assert.rejects(failing(), { message: "no memory" });
    assert.equal(await use("a"), "plan a");
    const pending = cache.use(
      "b",
      () => Promise.reject(new Error("no memory")),
      () => assert.fail(),
    );
    cache.clear();
    await assert.rejects(pending, { message: "no memory" });
  });

  it("closes and forgets all when it is cleared", async () => {
    await use("a");
    cache.clear();
    await use("a");
    assert.deepEqual(made, ["a", "a"]);
    assert.deepEqual(closed, ["a"]);
  });
});

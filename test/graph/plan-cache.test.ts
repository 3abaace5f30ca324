import assert from "node:assert/strict";
import { PlanCache } from "../../lib/graph/plan-cache.js";

describe("the cache of plans", () => {
  let made: string[];
  let cache: PlanCache<string>;
  beforeEach(() => {
    made = [];
    cache = new PlanCache(2);
  });

  const get = (key: string) =>
    cache.get(key, async () => {
      made.push(key);
      return `plan ${key}`;
    });

  it("makes a plan once, also when it is asked for twice at once", async () => {
    assert.deepEqual(await Promise.all([get("a"), get("a")]), ["plan a", "plan a"]);
    await get("a");
    assert.deepEqual(made, ["a"]);
  });

  it("drops the one that was not used for longest, and makes it again", async () => {
    for (const key of ["a", "b", "a", "c", "a", "b"]) assert.equal(await get(key), `plan ${key}`);
    assert.deepEqual(made, ["a", "b", "c", "b"]);
  });

  it("does not keep failures", async () => {
    await assert.rejects(
      cache.get("a", () => Promise.reject(new Error("no memory"))),
      { message: "no memory" },
    );
    assert.equal(await get("a"), "plan a");
  });

  it("forgets all when it is drained", async () => {
    await get("a");
    cache.drain();
    await get("a");
    assert.deepEqual(made, ["a", "a"]);
  });
});

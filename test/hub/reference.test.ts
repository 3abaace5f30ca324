import assert from "node:assert/strict";
import { join, sep } from "node:path";
import fc from "fast-check";
import { LmsptError } from "../../lib/errors.js";
import { RepoCache } from "../../lib/hub/cache.js";
import { formatHubName, isHubName, parseHubName } from "../../lib/hub/reference.js";

describe("hub names", () => {
  it("reads repository, revision and file", () => {
    const of = (repo: string, revision: string, file?: string) => ({ repo, revision, file });
    assert.deepEqual(parseHubName("hf://a/b"), of("a/b", "main"));
    assert.deepEqual(parseHubName("hf://a/b@v1.0"), of("a/b", "v1.0"));
    assert.deepEqual(parseHubName("hf://a/b/c.safetensors"), of("a/b", "main", "c.safetensors"));
    assert.deepEqual(parseHubName("hf://a/b@v1/x y/c@2.safetensors"), of("a/b", "v1", "x y/c@2.safetensors"));
    assert.deepEqual(parseHubName("hf://a/b@feat%2Fnew/c"), of("a/b", "feat/new", "c"));
    assert.deepEqual(parseHubName("hf://a/b@refs/pr/12/c"), of("a/b", "refs/pr/12", "c"));
    assert.deepEqual(parseHubName("hf://a/b@refs/pr/12"), of("a/b", "refs/pr/12"));
  });

  it("refuses malformed names and says what a name looks like", () => {
    const bad = [
      "hf://",
      "hf://a",
      "hf://a/",
      "hf://a/b/",
      "hf://a/b@",
      "hf://a/b@/c",
      "hf://../b",
      "hf://a/..",
      "hf://a--b/c",
    ];
    const outside = [
      "hf://a/b/../c",
      "hf://a/b/c/..",
      "hf://a/b//c",
      "hf://a/b/.",
      "hf://a/b@..",
      "hf://a/b@%2E%2E",
      "hf://a/b@x%2F..%2Fy",
    ];
    for (const name of [
      ...bad,
      ...outside,
      "hf://a/b@%zz",
      "hf://a/b/c\\d",
      "hf://a/b/c\0",
      "hf://a/b/C:x",
      "HF://a/b",
    ]) {
      assert.throws(
        () => parseHubName(name),
        { code: "ERR_LMSPT_INVALID_ARGUMENT", message: /hf:\/\/owner\/repository/ },
        name,
      );
    }
  });

  it("never lead out of the cache, whatever they are", () => {
    const part = fc.oneof(
      fc.constantFrom("..", ".", "", "%2e%2e", "%2f", "@", "/", "\\", "a", "refs/pr/1"),
      fc.string(),
    );
    const folder = join("cache", "hub");
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        try {
          const { repo, revision, file = "f" } = parseHubName(`hf://a/b${parts.join("")}`);
          const cache = new RepoCache(folder, repo, true);
          assert.ok(cache.folder.startsWith(folder + sep));
          assert.ok(cache.snapshotPath("0", file).startsWith(join(cache.folder, "snapshots", "0") + sep));
          assert.ok(join(cache.folder, "refs", revision).startsWith(join(cache.folder, "refs") + sep));
          accepted++;
        } catch (error) {
          if (!(error instanceof LmsptError)) throw error;
        }
      }),
      { numRuns: 2000, seed: 5 },
    );
    assert.ok(accepted > 50, `only ${accepted} names were accepted`);
  });

  it("are written as they are read", () => {
    const file = { repo: "a/b", revision: "feat/new", file: "x/y.safetensors" };
    assert.deepEqual(parseHubName(formatHubName(file)), file);
    assert.equal(isHubName("hf://x"), true);
    assert.equal(isHubName("./hf:/x"), false);
  });
});

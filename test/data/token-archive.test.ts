import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { TokenArchive } from "../../lib/data/token-archive.js";
import { TokenArchiveWriter } from "../../lib/data/token-archive-writer.js";
import { decodeTokenFile, encodeTokenFile } from "../../lib/data/token-file.js";
import type { Tokens } from "../../lib/data/tokens.js";
import { root } from "../package/root.js";
import { anySpec, hasCode, isFormatError, makeTokens, SPEC, useTemporaryFolder } from "./support.js";

/** Writes an archive of these entries, several at once. */
async function write(folder: string, entries: Iterable<readonly [string, Tokens]>, shardBytes?: number): Promise<void> {
  await using writer = await TokenArchiveWriter.open(folder, SPEC, { shardBytes });
  await Promise.all([...entries].map(([name, tokens]) => writer.append(name, tokens)));
}

describe("token archives", () => {
  const inFolder = useTemporaryFolder();
  const index = () => inFolder("a/index.jsonl");
  const shard = (number = 0) => inFolder(`a/tokens-0000${number}.lmspts`);
  const some = (names: readonly string[], frames = 20) =>
    new Map(names.map((name, i) => [name, makeTokens(frames + i, SPEC, i + 1, i)]));

  it("give back what was put in, by name and in order", async () => {
    const entries = some(["one", "deep/er/two", "Bäume 🌲/drei"]);
    await write(inFolder("a"), entries);
    const archive = await TokenArchive.open(inFolder("a"));
    assert.equal(archive.size, 3);
    assert.deepEqual(archive.spec, SPEC);
    for (const [name, tokens] of entries) assert.deepEqual(await archive.get(name), tokens);
    const found: [string, Tokens][] = [];
    for await (const { name, tokens } of archive) found.push([name, tokens]);
    assert.deepEqual(found, [...entries]);
  });

  it("hold any tokens of one spec", async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(anySpec, fc.array(fc.nat(40), { maxLength: 6 }), async (spec, lengths) => {
        const folder = inFolder(`run${run++}`);
        const all = lengths.map((frames, i) => makeTokens(frames, spec, i));
        await using writer = await TokenArchiveWriter.open(folder, spec, { shardBytes: 4096 });
        await Promise.all(all.map((tokens, i) => writer.append(`${i}`, tokens)));
        const archive = await TokenArchive.open(folder);
        assert.deepEqual(archive.spec, spec);
        for (const [i, tokens] of all.entries()) assert.deepEqual(await archive.get(`${i}`), tokens);
      }),
      { numRuns: 25, seed: 5 },
    );
  });

  it("are shards of whole token files, as many as their size demands", async () => {
    const entries = some(
      Array.from({ length: 40 }, (_, i) => `${i}`),
      50,
    );
    await write(inFolder("a"), entries, 4096);
    const archive = await TokenArchive.open(inFolder("a"));
    const shards = readdirSync(inFolder("a")).filter((name) => name.endsWith(".lmspts"));
    assert.ok(shards.length >= 5, shards.join());
    for (const { name, shard: number, offset, bytes, samples } of archive.entries) {
      const file = readFileSync(join(inFolder("a"), `tokens-0000${number}.lmspts`));
      assert.ok(offset < 4096 || offset === 0);
      const tokens = decodeTokenFile(file.subarray(offset, offset + bytes));
      assert.equal(tokens.samples, samples);
      assert.deepEqual(tokens, entries.get(name));
    }
    const total = shards.reduce((sum, name) => sum + statSync(join(inFolder("a"), name)).size, 0);
    assert.equal(
      total,
      archive.entries.reduce((sum, { bytes }) => sum + bytes, 0),
    );
  });

  it("can be added to, and keep the source that was noted", async () => {
    await write(inFolder("a"), some(["one"]), 4096);
    await using writer = await TokenArchiveWriter.open(inFolder("a"), SPEC);
    assert.equal(writer.size, 1);
    await writer.append("two", makeTokens(3), { source: "from there" });
    assert.equal(writer.entry("two")?.source, "from there");
    const archive = await TokenArchive.open(inFolder("a"));
    assert.deepEqual(
      archive.entries.map(({ name, source }) => [name, source]),
      [
        ["one", undefined],
        ["two", "from there"],
      ],
    );
  });

  it("replace an entry of the same name", async () => {
    await write(inFolder("a"), some(["one", "two"]));
    const other = makeTokens(7, SPEC, 99);
    await write(inFolder("a"), [["one", other]]);
    const archive = await TokenArchive.open(inFolder("a"));
    assert.equal(archive.size, 2);
    assert.deepEqual(await archive.get("one"), other);
  });

  it("lose nothing finished, wherever the writer dies", async () => {
    const entries = some(["one", "two", "three"]);
    await write(inFolder("a"), entries);
    const [wholeIndex, wholeShard] = [readFileSync(index()), readFileSync(shard())];
    const ends = [...wholeIndex.keys()].filter((i) => wholeIndex[i] === 0x0a).map((i) => i + 1);
    for (let cut = 0; cut <= wholeIndex.length; cut += 7) {
      writeFileSync(index(), wholeIndex.subarray(0, cut));
      const finished = ends.filter((end) => end <= cut).length - 1;
      const places = (await openOrNone(inFolder("a")))?.entries ?? [];
      const filled = places.reduce((most, { offset, bytes }) => Math.max(most, offset + bytes), 0);
      // What is not in the index may be there in any part.
      writeFileSync(shard(), wholeShard.subarray(0, filled + ((cut * 13) % (wholeShard.length - filled + 1))));
      writeFileSync(shard(1), "never mentioned");
      if (finished < 0) {
        await assert.rejects(TokenArchiveWriter.open(inFolder("a"), SPEC), isFormatError(/but no index/));
        continue;
      }
      await write(inFolder("a"), [["four", makeTokens(9)]]);
      const archive = await TokenArchive.open(inFolder("a"));
      assert.equal(archive.size, finished + 1);
      assert.deepEqual(await archive.get("four"), makeTokens(9));
      for (const name of [...entries.keys()].slice(0, finished)) {
        assert.deepEqual(await archive.get(name), entries.get(name));
      }
      assert.ok(!existsSync(shard(1)));
    }
  });

  it("begin anew where the writer died before the first line", async () => {
    await write(inFolder("a"), []);
    for (const length of [0, 1, 30, statSync(index()).size - 1]) {
      truncateSync(index(), length);
      truncateSync(shard(), 0);
      rmSync(shard());
      await write(inFolder("a"), some(["one"]));
      assert.equal((await TokenArchive.open(inFolder("a"))).size, 1);
      rmSync(inFolder("a"), { recursive: true });
      await write(inFolder("a"), []);
    }
  });

  it("have the index that is documented", async () => {
    const spec = { ...SPEC, acousticCodebooks: 1, semanticCodebookSize: 5, acousticCodebookSize: 2, model: "m" };
    await using writer = await TokenArchiveWriter.open(inFolder("a"), spec);
    const source = "32044 bytes, changed 1764057600123456789";
    await writer.append("deep/one", makeTokens(5, spec, 1, 600), { source });
    const example = /```\n(\{"format"[\s\S]*?)```/.exec(readFileSync(join(root, "docs/token-archive.md"), "utf8"));
    assert.equal(readFileSync(index(), "utf8"), example?.[1]);
  });

  it("are read while they are written", async () => {
    await using writer = await TokenArchiveWriter.open(inFolder("a"), SPEC);
    for (let i = 0; i < 5; i++) {
      await writer.append(`${i}`, makeTokens(i));
      const archive = await TokenArchive.open(inFolder("a"));
      assert.equal(archive.size, i + 1);
      assert.deepEqual(await archive.get(`${i}`), makeTokens(i));
    }
  });

  it("are told apart from other folders", async () => {
    assert.equal(await TokenArchive.isArchive(inFolder("a")), false);
    await write(inFolder("a"), []);
    assert.equal(await TokenArchive.isArchive(inFolder("a")), true);
    writeFileSync(index(), '{"some":"thing"}\n');
    assert.equal(await TokenArchive.isArchive(inFolder("a")), false);
  });

  it("refuse tokens of another spec, and other folders' files", async () => {
    await write(inFolder("a"), some(["one"]));
    const other = { ...SPEC, model: "sha256:ffff" };
    await assert.rejects(
      TokenArchiveWriter.open(inFolder("a"), other),
      hasCode(
        "ERR_LMSPT_MODEL",
        /the model sha256:0123456789abcdef, like the archive .* is sha256:ffff; write them into/,
      ),
    );
    await using writer = await TokenArchiveWriter.open(inFolder("a"), SPEC);
    await assert.rejects(writer.append("x", makeTokens(3, other)), hasCode("ERR_LMSPT_INVALID_ARGUMENT", /model/));
    await writer.append("y", makeTokens(3));
    writeFileSync(inFolder("index.jsonl"), '{"precious":true}');
    await assert.rejects(
      TokenArchiveWriter.open(inFolder("."), SPEC),
      isFormatError(/no finished line|Not the index/, 0),
    );
    assert.equal(readFileSync(inFolder("index.jsonl"), "utf8"), '{"precious":true}');
  });

  for (const name of ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\\b", "a\nb", "\ud800", "x".repeat(1025), 7]) {
    it(`refuse the name ${JSON.stringify(name).slice(0, 20)}`, async () => {
      await using writer = await TokenArchiveWriter.open(inFolder("a"), SPEC);
      await assert.rejects(
        writer.append(name as string, makeTokens(1)),
        hasCode("ERR_LMSPT_INVALID_ARGUMENT", /the name of an entry/),
      );
      assert.equal(writer.size, 0);
    });
  }

  it("refuse what is wrong with a typed error", async () => {
    await assert.rejects(TokenArchive.open(inFolder("absent")), hasCode("ERR_LMSPT_IO"));
    await assert.rejects(
      TokenArchiveWriter.open(inFolder("a"), SPEC, { shardBytes: 10 }),
      hasCode("ERR_LMSPT_INVALID_ARGUMENT", /shardBytes/),
    );
    const writer = await TokenArchiveWriter.open(inFolder("a"), SPEC);
    await assert.rejects(
      writer.append("a", makeTokens(1), { source: "x".repeat(1025) }),
      hasCode("ERR_LMSPT_INVALID_ARGUMENT", /source/),
    );
    await writer.close();
    await writer.close();
    await assert.rejects(writer.append("a", makeTokens(1)), hasCode("ERR_LMSPT_CLOSED"));
    const archive = await TokenArchive.open(inFolder("a"));
    await assert.rejects(archive.get("a"), hasCode("ERR_LMSPT_INVALID_ARGUMENT", /one of 0 entries/));
  });

  it("take no more after a write has failed", async () => {
    const writer = await TokenArchiveWriter.open(inFolder("a"), SPEC, { shardBytes: 4096 });
    await writer.append("a", makeTokens(400));
    // The next shard cannot be made.
    mkdirSync(shard(1));
    const both = [writer.append("b", makeTokens(1)), writer.append("c", makeTokens(1))];
    for (const outcome of await Promise.allSettled(both)) assert.equal(outcome.status, "rejected");
    await assert.rejects(writer.append("d", makeTokens(1)), hasCode("ERR_LMSPT_IO"));
    await writer.close();
    assert.equal((await TokenArchive.open(inFolder("a"))).size, 1);
  });

  it("tell where a shard or a line is damaged", async () => {
    const entries = some(["one", "two"]);
    await write(inFolder("a"), entries);
    const second = encodeTokenFile(entries.get("one")!).length;
    const bytes = readFileSync(shard());
    bytes[second + 100]! ^= 1;
    writeFileSync(shard(), bytes);
    const archive = await TokenArchive.open(inFolder("a"));
    assert.deepEqual(await archive.get("one"), entries.get("one"));
    await assert.rejects(archive.get("two"), (error: Error & { offset: number }) => {
      isFormatError(/^two in .*tokens-00000\.lmspts: /)(error);
      return error.offset >= second && error.offset < bytes.length;
    });
    truncateSync(shard(), second + 10);
    await assert.rejects(archive.get("two"), isFormatError(/cut off/, second + 10));
    await assert.rejects(TokenArchiveWriter.open(inFolder("a"), SPEC), isFormatError(/is cut off/, second + 10));

    const lines = readFileSync(index(), "utf8").split("\n");
    const at = Buffer.byteLength(`${lines[0]}\n`);
    writeFileSync(index(), [lines[0], lines[1]!.replace("one", "uno"), lines[2], ""].join("\n"));
    await assert.rejects(TokenArchive.open(inFolder("a")), isFormatError(/Line 2 .* is damaged/, at));
    const recovered = await TokenArchive.open(inFolder("a"), { recover: true });
    assert.deepEqual(recovered.damagedLines, [2]);
    assert.deepEqual(
      [...recovered.entries].map(({ name }) => name),
      ["two"],
    );
    appendFileSync(index(), "unfinished");
    assert.equal((await TokenArchive.open(inFolder("a"), { recover: true })).size, 1);
  });
});

async function openOrNone(folder: string): Promise<TokenArchive | undefined> {
  return TokenArchive.open(folder).catch(() => undefined);
}

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, utimes, writeFile } from "node:fs/promises";
import { describeSource, loadCorpus } from "../../../lib/train/data/index.js";
import { readCorpusIndex } from "../../../lib/train/data/prepare/corpus-index.js";
import { type PrepareSummary, prepareCorpus } from "../../../lib/train/data/prepare/prepare.js";
import { fixture } from "../../audio/support.js";
import { temporaryFolder, tree } from "../../cli/support.js";
import { tarOf } from "../../data/tar-files.js";
import { collect, ofKind, small } from "../runs.js";

const FORMATS = ["wav", "flac", "mp3", "ogg", "opus"];

describe("the index of a corpus", function () {
  this.timeout(60_000);
  const inside = temporaryFolder();
  const prepare = (options: { signal?: AbortSignal; onProgress?(now: PrepareSummary): void } = {}) =>
    prepareCorpus([inside("corpus")], { out: inside("index.jsonl"), workers: 2, ...options });

  beforeEach(async () => {
    await mkdir(inside("corpus"));
    for (const format of FORMATS) await copyFile(fixture(`speech-1s.${format}`), inside("corpus", `a.${format}`));
    await writeFile(inside("corpus", "broken.wav"), "this is no sound");
    const opus = await readFile(fixture("speech-1s.opus"));
    const json = Buffer.from('{"text":"in a shard"}');
    await writeFile(
      inside("corpus", "shard.tar"),
      tarOf([
        { name: "b.opus", bytes: opus },
        { name: "b.json", bytes: json },
      ]),
    );
  });

  it("tells length, rate, channels, hash and text, and which recordings are broken", async () => {
    const summary = await prepare();
    assert.deepEqual([summary.total, summary.done, summary.known, summary.withText], [7, 7, 0, 1]);
    assert.deepEqual(
      summary.broken.map(({ name }) => name),
      [inside("corpus", "broken.wav")],
    );
    assert.match(summary.broken[0]!.problem, /Expected audio/);
    const { recordings } = await readCorpusIndex(inside("index.jsonl"));
    for (const { entry, finding } of recordings) {
      if ("problem" in finding) continue;
      assert(Math.abs(finding.seconds - 1) < 0.06, `${describeSource(entry.source)} ${finding.seconds}`);
      assert.equal(finding.channels, 1);
      assert([24000, 48000].includes(finding.sampleRate));
      const name = entry.source.part
        ? "speech-1s.opus"
        : `speech-1s${entry.source.path.slice(entry.source.path.lastIndexOf("."))}`;
      assert.equal(
        finding.sha256,
        createHash("sha256")
          .update(await readFile(fixture(name)))
          .digest("hex"),
      );
    }
    const entries = await loadCorpus([inside("index.jsonl")]);
    assert.deepEqual(
      entries.map(({ source }) => describeSource(source).slice(inside("corpus").length + 1)),
      [...["a.flac", "a.mp3", "a.ogg", "a.opus", "a.wav"], "shard.tar: b.opus"],
    );
    assert.equal(entries.at(-1)!.text, "in a shard");
    assert.deepEqual(await tree(inside("")).then((names) => names.filter((name) => name.includes("index"))), [
      "index.jsonl",
    ]);
  });

  it("is the same whoever made it, and in how many sittings", async () => {
    await prepare();
    const whole = await readFile(inside("index.jsonl"));
    await writeFile(inside("index.jsonl"), whole.subarray(0, whole.indexOf("\n") + 1));
    const stop = new AbortController();
    const stopped = prepare({
      signal: stop.signal,
      onProgress: ({ done }) => done >= 3 && stop.abort(new Error("enough")),
    });
    await assert.rejects(stopped, /enough/);
    const rest = await prepare();
    assert(rest.known >= 3 && rest.known < 7, `${rest.known} known`);
    assert.deepEqual(await readFile(inside("index.jsonl")), whole);
  });

  it("reads again what changed, and nothing else", async () => {
    await prepare();
    await copyFile(fixture("speech.wav"), inside("corpus", "broken.wav"));
    await utimes(inside("corpus", "broken.wav"), 1, 1);
    const summary = await prepare();
    assert.deepEqual([summary.known, summary.broken.length], [6, 0]);
    assert.equal((await loadCorpus([inside("index.jsonl")])).length, 7);
  });

  it("replaces no other file, and is refused where it is damaged", async () => {
    await writeFile(inside("index.jsonl"), "mine\n");
    await assert.rejects(prepare(), { code: "ERR_LMSPT_IO", message: /is no index/ });
    await writeFile(inside("index.jsonl"), "");
    await assert.rejects(prepare(), { code: "ERR_LMSPT_IO" });
    const out = inside("other.jsonl");
    await prepareCorpus([inside("corpus")], { out, workers: 1 });
    const bytes = await readFile(out);
    bytes[bytes.indexOf("duration")] = 0x44;
    await writeFile(out, bytes);
    await assert.rejects(loadCorpus([out]), { code: "ERR_LMSPT_FORMAT", message: /other\.jsonl:2 is damaged/ });
    await writeFile(out, bytes.subarray(0, -20));
    await assert.rejects(loadCorpus([out]), { code: "ERR_LMSPT_FORMAT" });
  });

  it("is what a training run takes, shards and all", async () => {
    await prepare();
    const settings = [...small.slice(1), `data=${inside("index.jsonl")}`, `out=${inside("run")}`, "steps=4"];
    const events = await collect("tiny", settings);
    assert.equal(ofKind(events, "broken-file").length, 0);
    const steps = ofKind(events, "step");
    assert.equal(steps.length, 4);
    assert(steps.every(({ dataWait, seconds }) => dataWait >= 0 && dataWait <= seconds));
    assert(steps[0]!.dataWait > 0, "nothing is there at the start");
  });
});

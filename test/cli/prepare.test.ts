import assert from "node:assert/strict";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { loadCorpus } from "../../lib/train/data/index.js";
import { fixture } from "../audio/support.js";
import { run, temporaryFolder } from "./support.js";

describe("lmspt prepare", function () {
  this.timeout(30_000);
  const inside = temporaryFolder();

  it("indexes a corpus, names and counts what is broken, and knows it again", async () => {
    await mkdir(inside("corpus"));
    await copyFile(fixture("speech-1s.wav"), inside("corpus", "a.wav"));
    await writeFile(inside("corpus", "b.wav"), "no sound");
    const index = inside("index.jsonl");
    const { status, stdout, stderr } = await run("prepare", inside("corpus"), "-o", index, "--threads", "1");
    assert.deepEqual([status, stdout], [0, `${index}\n`], stderr);
    assert.match(stderr, /^Broken: .*b\.wav: .*Expected audio/m);
    assert.match(stderr, /^2 of 2 recordings {2}1\.00 s of sound {2}\S+x real time {2}0 with text {2}1 broken$/m);
    assert.deepEqual(
      (await loadCorpus([index])).map(({ seconds }) => seconds),
      [1],
    );
    const again = await run("prepare", inside("corpus"), "-o", index);
    assert.match(again.stderr, /2 known from an earlier run/);
  });

  it("says what it cannot find", async () => {
    const { status, stderr } = await run("prepare", inside("nowhere"), "-o", inside("index.jsonl"));
    assert.equal(status, 1);
    assert.match(stderr, /found nothing/);
  });
});

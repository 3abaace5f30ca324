import assert from "node:assert/strict";
import { appendFile, copyFile, mkdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeTokenFile } from "../../lib/data/token-file.js";
import { root } from "../package/root.js";
import { launcher, run, runChild, speech, TINY, temporaryFolder, tree } from "./support.js";

describe("lmspt, run again", () => {
  const at = temporaryFolder();
  const encode = (...args: string[]) => run("encode", at("in"), "-o", at("out"), ...TINY, ...args);
  const changeTime = async (name: string) => (await stat(at(name), { bigint: true })).mtimeNs;

  beforeEach(async () => {
    await mkdir(at("in/deep"), { recursive: true });
    await copyFile(speech, at("in/one.wav"));
    await copyFile(join(root, "test/fixtures/audio/speech-1s.flac"), at("in/deep/two.flac"));
    await copyFile(join(root, "test/fixtures/audio/speech-1s.opus"), at("in/three.opus"));
  });

  it("passes over what is done and does what is missing", async () => {
    assert.equal((await encode()).status, 0);
    const before = await changeTime("out/one.lmspt");
    await rm(at("out/deep/two.lmspt"));
    await copyFile(speech, at("in/four.wav"));
    const { status, stderr } = await encode();
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^Encoded 2 of 4 files: 2\.00 s of speech in .*; 2 were done before$/m);
    assert.doesNotMatch(stderr, /one\.wav ->/);
    assert.equal(await changeTime("out/one.lmspt"), before);
    assert.deepEqual(await tree(at("out")), ["deep/two.lmspt", "four.lmspt", "one.lmspt", "three.lmspt"]);
    const again = await encode();
    assert.match(again.stderr, /^Encoded 0 of 4 files: .*; 4 were done before$/m);
  });

  it("makes everything anew with --overwrite", async () => {
    await encode();
    const before = await changeTime("out/one.lmspt");
    const { status, stderr } = await encode("--overwrite");
    assert.equal(status, 0);
    assert.match(stderr, /^Encoded 3 of 3 files: [^;]*$/m);
    assert.notEqual(await changeTime("out/one.lmspt"), before);
    assert.match((await encode()).stderr, /; 3 were done before$/m);
  });

  const changes: [what: string, message: RegExp, change: () => Promise<unknown>, args?: string[]][] = [
    ["another input", /from another version of the input/, () => appendFile(at("in/one.wav"), "more")],
    ["an input of another time", /from another version of the input/, () => utimes(at("in/one.wav"), 1e9, 1e9)],
    ["another output", /exists already;/, () => appendFile(at("out/one.lmspt"), "more")],
    ["no journal", /exists already;/, () => writeFile(at("out/.lmspt-journal.jsonl"), "")],
    ["another model", /by another model or with other settings/, async () => {}, ["--model", "random:2:tiny"]],
  ];
  for (const [what, message, change, args = []] of changes) {
    it(`leaves an output alone after ${what}, and says so`, async () => {
      await encode();
      await change();
      const before = await readFile(at("out/one.lmspt"));
      const { status, stderr } = await encode(...args);
      assert.equal(status, 1);
      assert.match(/^Failed: .*one\.wav: .*$/m.exec(stderr)?.[0] ?? "", message);
      assert.match(stderr, /--overwrite replaces it/);
      assert.deepEqual(await readFile(at("out/one.lmspt")), before);
      assert.equal((await encode(...args, "--overwrite")).status, 0);
      assert.equal((await encode(...args)).status, 0);
    });
  }

  it("minds a damaged journal no more than it must", async () => {
    await encode();
    const journal = at("out/.lmspt-journal.jsonl");
    const lines = (await readFile(journal, "utf8")).split("\n");
    assert.equal(lines.length, 4);
    await writeFile(journal, `${lines[0]}\n${lines[1]!.replace("bytes", "bites")}\n${lines[2]!.slice(0, 20)}`);
    const { stderr } = await encode();
    assert.match(stderr, /; 1 was done before$/m);
    assert.equal(stderr.match(/exists already/g)?.length, 2);
    await encode("--overwrite");
    assert.match((await encode()).stderr, /; 3 were done before$/m);
  });

  it("knows what was decoded, and how", async () => {
    await encode();
    const decode = (...args: string[]) => run("decode", at("out"), "-o", at("speech"), ...TINY, ...args);
    assert.equal((await decode()).status, 0);
    assert.match((await decode()).stderr, /^Decoded 0 of 3 files: .*; 3 were done before$/m);
    const other = await decode("--codebooks", "1");
    assert.equal(other.status, 1);
    assert.equal(other.stderr.match(/^Failed: .* by another model or with other settings/gm)?.length, 3);
  });

  it("goes on after it was killed, without a half-written file", async function () {
    // Windows has no signals.
    if (process.platform === "win32") this.skip();
    this.timeout(60_000);
    for (let i = 0; i < 24; i++) await copyFile(join(root, "test/fixtures/audio/speech.wav"), at(`in/${i}.wav`));
    const args = ["encode", at("in"), "-o", at("out"), ...TINY];
    let killed = 0;
    for (const seen of [3, 5]) {
      const { status } = await runChild(launcher, args, (child, output) => {
        if ((output.match(/ -> /g)?.length ?? 0) >= seen) child.kill("SIGKILL");
      });
      if (status === null) killed++;
      for (const output of (await tree(at("out"))).filter((name) => !name.includes(".lmspt-"))) {
        assert.ok(decodeTokenFile(await readFile(at("out", output))).frames > 0, output);
      }
    }
    assert.ok(killed >= 1);
    const { status, stderr } = await run(...args);
    assert.equal(status, 0, stderr);
    const before = Number(/; (\d+) were done before$/m.exec(stderr)?.[1]);
    assert.ok(before >= 8, stderr);
    assert.match((await run(...args)).stderr, /^Encoded 0 of 27 files: .*; 27 were done before$/m);
  });
});

import assert from "node:assert/strict";
import { appendFile, copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TokenArchive } from "../../lib/data/token-archive.js";
import { decodeTokenFile } from "../../lib/data/token-file.js";
import { root } from "../package/root.js";
import { launcher, run, runChild, speech, TINY, temporaryFolder, tree } from "./support.js";

describe("lmspt with archives", () => {
  const at = temporaryFolder();
  const encode = (...args: string[]) => run("encode", at("in"), "-o", at("tokens"), "--archive", ...TINY, ...args);

  beforeEach(async () => {
    await mkdir(at("in/deep"), { recursive: true });
    await copyFile(speech, at("in/one.wav"));
    await copyFile(join(root, "test/fixtures/audio/speech-1s.flac"), at("in/deep/two.v1.flac"));
  });

  it("write all tokens into one, and read it", async () => {
    const { status, stderr } = await encode();
    assert.equal(status, 0, stderr);
    assert.deepEqual(await tree(at("tokens")), ["index.jsonl", "tokens-00000.lmspts"]);
    const archive = await TokenArchive.open(at("tokens"));
    assert.deepEqual(archive.entries.map(({ name }) => name).sort(), ["deep/two.v1", "one"]);
    await run("encode", at("in"), "-o", at("files"), ...TINY);
    assert.deepEqual(await archive.get("one"), decodeTokenFile(await readFile(at("files/one.lmspt"))));

    assert.equal((await run("decode", at("tokens"), "-o", at("speech"), ...TINY)).status, 0);
    assert.deepEqual(await tree(at("speech")), ["deep/two.v1.wav", "one.wav"]);
    await run("decode", at("files"), "-o", at("same"), ...TINY);
    assert.deepEqual(await readFile(at("speech/one.wav")), await readFile(at("same/one.wav")));
    const again = await run("decode", at("tokens"), "-o", at("speech"), ...TINY);
    assert.match(again.stderr, /^Decoded 0 of 2 files: .*; 2 were done before$/m);
    const both = await run("decode", at("tokens"), at("files"), "-o", at("both"), ...TINY);
    assert.equal(both.status, 0, both.stderr);
    assert.deepEqual((await tree(at("both"))).slice(0, 2), ["files/deep/two.v1.wav", "files/one.wav"]);
    assert.deepEqual((await tree(at("both"))).slice(2), ["tokens/deep/two.v1.wav", "tokens/one.wav"]);
  });

  it("add what is missing, and make anew what they are told to", async () => {
    await encode();
    await copyFile(speech, at("in/three.wav"));
    const { status, stderr } = await encode();
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^Encoded 1 of 3 files: .*; 2 were done before$/m);
    await appendFile(at("in/one.wav"), "more");
    const changed = await encode();
    assert.equal(changed.status, 1);
    assert.match(changed.stderr, /Failed: .*one\.wav: .* holds one already, made from another version of the input/);
    assert.equal((await encode("--overwrite")).status, 0);
    assert.match((await encode()).stderr, /; 3 were done before$/m);
    assert.equal((await TokenArchive.open(at("tokens"))).size, 3);
  });

  it("are told by info, with what is damaged", async () => {
    await encode();
    const intact = await run("info", at("tokens"));
    assert.equal(intact.status, 0, intact.stderr);
    assert.match(intact.stdout, /^archive +.*tokens, 1 shard, \d+ bytes\nentries +2, 2\.00 s at 24000 Hz$/m);
    assert.match(intact.stdout, /^state +complete and intact$/m);
    const bytes = await readFile(at("tokens/tokens-00000.lmspts"));
    bytes[bytes.length - 50]! ^= 1;
    await writeFile(at("tokens/tokens-00000.lmspts"), bytes);
    const damaged = await run("info", at("tokens"), "--json");
    assert.equal(damaged.status, 1);
    const facts = JSON.parse(damaged.stdout);
    assert.deepEqual([facts.kind, facts.entries, facts.frames, facts.seconds], ["archive", 2, 26, 2]);
    assert.equal(facts.damaged.length, 1);
    assert.match(facts.damaged[0].problem, /at byte \d+\)$/);
    const { status, stderr } = await run("decode", at("tokens"), "-o", at("speech"), ...TINY);
    assert.equal(status, 1);
    assert.match(stderr, /^Decoded 1 of 2 files/m);
    assert.match(stderr, /^Failed: .*tokens: .*: .*at byte \d+\)$/m);
  });

  it("end with 3 where they cannot be written", async () => {
    await encode();
    const { status, stderr } = await encode("--model", "random:2:tiny");
    assert.equal(status, 3);
    assert.match(stderr, /^lmspt: Expected tokens with the model sha256:.* write them into another archive$/m);
    await writeFile(at("file"), "");
    const onto = await run("encode", at("in"), "-o", at("file"), "--archive", ...TINY);
    assert.match(onto.stderr, /Cannot make the folder/);
    assert.notEqual(onto.status, 0);
  });

  it("refuse options that do not go together", async () => {
    assert.equal((await encode("--format", "json")).status, 2);
    const { status, stderr } = await run("encode", at("in"), "-o", at("x"), "--shard-size", "5", ...TINY);
    assert.equal(status, 2);
    assert.match(stderr, /Expected --archive with --shard-size/);
  });

  it("keep all that was finished when they are killed, and go on", async function () {
    // Windows has no signals.
    if (process.platform === "win32") this.skip();
    this.timeout(60_000);
    for (let i = 0; i < 24; i++) await copyFile(join(root, "test/fixtures/audio/speech.wav"), at(`in/${i}.wav`));
    const args = ["encode", at("in"), "-o", at("tokens"), "--archive", ...TINY];
    let reported = 0;
    for (const seen of [2, 5]) {
      const { stderr } = await runChild(launcher, args, (child, output) => {
        if ((output.match(/ -> /g)?.length ?? 0) >= seen) child.kill("SIGKILL");
      });
      reported += stderr.match(/ -> /g)?.length ?? 0;
      const archive = await TokenArchive.open(at("tokens"));
      assert.ok(archive.size >= reported, `${archive.size} of ${reported}`);
      for (const { name } of archive.entries) assert.ok((await archive.get(name)).frames > 0);
    }
    const { status, stderr } = await run(...args);
    assert.equal(status, 0, stderr);
    assert.ok(Number(/; (\d+) were done before$/m.exec(stderr)?.[1]) > 6, stderr);
    const archive = await TokenArchive.open(at("tokens"));
    assert.equal(archive.size, 26);
    const filled = archive.entries.reduce((sum, { bytes }) => sum + bytes, 0);
    assert.equal((await readFile(at("tokens/tokens-00000.lmspts"))).length, filled);
    assert.deepEqual((await readdir(at("tokens"))).sort(), ["index.jsonl", "tokens-00000.lmspts"]);
  });
});

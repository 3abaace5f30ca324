import assert from "node:assert/strict";
import { copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../package/root.js";
import { run, speech, TINY, temporaryFolder, tree } from "./support.js";

describe("lmspt with many files", () => {
  const at = temporaryFolder();
  const flac = join(root, "test/fixtures/audio/speech-1s.flac");

  beforeEach(async () => {
    await mkdir(at("in/deep/er"), { recursive: true });
    await copyFile(speech, at("in/one.wav"));
    await copyFile(flac, at("in/deep/two.FLAC"));
    await copyFile(speech, at("in/deep/er/three.wav"));
    await copyFile(speech, at("in/.hidden.wav"));
    await writeFile(at("in/notes.txt"), "not speech");
  });

  it("keep the tree of a folder, there and back", async () => {
    const encoded = await run("encode", at("in"), "-o", at("tokens"), ...TINY);
    assert.equal(encoded.status, 0, encoded.stderr);
    assert.deepEqual(await tree(at("tokens")), ["deep/er/three.lmspt", "deep/two.lmspt", "one.lmspt"]);
    assert.match(encoded.stderr, /^Encoded 3 of 3 files: 3\.00 s of speech/m);
    const decoded = await run("decode", at("tokens"), "-o", at("out"), ...TINY);
    assert.equal(decoded.status, 0, decoded.stderr);
    assert.deepEqual(await tree(at("out")), ["deep/er/three.wav", "deep/two.wav", "one.wav"]);
    assert.deepEqual(await readFile(at("out/one.wav")), await readFile(at("out/deep/er/three.wav")));
  });

  it("keep the names of several folders", async () => {
    await mkdir(at("more"));
    await copyFile(speech, at("more/one.wav"));
    const { status, stderr } = await run("encode", at("in/deep"), at("more"), speech, "-o", at("tokens"), ...TINY);
    assert.equal(status, 0, stderr);
    assert.deepEqual(await tree(at("tokens")), [
      "deep/er/three.lmspt",
      "deep/two.lmspt",
      "more/one.lmspt",
      "speech-1s.lmspt",
    ]);
  });

  it("are done but for the broken ones, which are reported at the end", async () => {
    await writeFile(at("in/broken.wav"), "RIFF????WAVEnothing of use");
    await writeFile(at("in/text.mp3"), "a text under a wrong name");
    const { status, stderr } = await run("encode", at("in"), at("absent.wav"), "-o", at("tokens"), ...TINY);
    assert.equal(status, 1);
    assert.deepEqual(await tree(at("tokens")), ["in/deep/er/three.lmspt", "in/deep/two.lmspt", "in/one.lmspt"]);
    assert.match(stderr, /^Encoded 3 of 6 files/m);
    const failures = stderr.slice(stderr.indexOf("Encoded 3 of 6")).match(/^Failed: .*$/gm)!;
    assert.equal(failures.length, 3);
    assert.match(failures.join("\n"), /broken\.wav: .* \(at byte \d+\)/);
    assert.match(failures.join("\n"), /text\.mp3: Expected audio as WAV, FLAC/);
    assert.match(failures.join("\n"), /absent\.wav: Cannot read/);
    assert.doesNotMatch(stderr, /unexpected|\n +at /);
  });

  it("report damaged token files among good ones", async () => {
    await run("encode", at("in"), "-o", at("tokens"), ...TINY);
    const bytes = await readFile(at("tokens/one.lmspt"));
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(at("tokens/one.lmspt"), bytes);
    await writeFile(at("tokens/list.json"), "[1, 2]");
    const { status, stderr } = await run("decode", at("tokens"), "-o", at("out"), ...TINY);
    assert.equal(status, 1);
    assert.deepEqual(await tree(at("out")), ["deep/er/three.wav", "deep/two.wav"]);
    assert.match(stderr, /^Failed: .*one\.lmspt: .*\(at byte \d+\)$/m);
    assert.match(stderr, /^Failed: .*list\.json: Not a token file/m);
  });

  it("do not overwrite without --overwrite, but do the rest", async () => {
    await mkdir(at("tokens"));
    await writeFile(at("tokens/one.lmspt"), "precious");
    const { status, stderr } = await run("encode", at("in"), "-o", at("tokens"), ...TINY);
    assert.equal(status, 1);
    assert.match(stderr, /^Failed: .*one\.wav: .*one\.lmspt exists already; --overwrite replaces it$/m);
    assert.equal(await readFile(at("tokens/one.lmspt"), "utf8"), "precious");
    assert.deepEqual(await tree(at("tokens")), ["deep/er/three.lmspt", "deep/two.lmspt", "one.lmspt"]);
    assert.equal((await run("encode", at("in"), "-o", at("tokens"), ...TINY, "--overwrite")).status, 0);
    assert.deepEqual(await readFile(at("tokens/one.lmspt")), await readFile(at("tokens/deep/er/three.lmspt")));
  });

  it("load no model when there is nothing to do", async () => {
    const { status, stderr } = await run("encode", at("absent.wav"), "-o", at("tokens"), "--model", at("no-model"));
    assert.equal(status, 1);
    assert.match(stderr, /^Failed: .*absent\.wav: Cannot read/);
  });

  it("report a folder without speech", async () => {
    await mkdir(at("empty"));
    const { status, stderr } = await run("encode", at("empty"), "-o", at("tokens"), ...TINY);
    assert.equal(status, 1);
    assert.match(stderr, /^Failed: .*empty: Expected files that end in \.wav, \.flac,/);
  });

  it("follow links to files and not links to folders", async function () {
    // Windows lets administrators alone make links.
    if (process.platform === "win32") this.skip();
    await symlink(speech, at("in/deep/er/linked.wav"));
    await symlink(at("in"), at("in/deep/er/loop"));
    const { status, stderr } = await run("encode", at("in/deep/er"), "-o", at("tokens"), ...TINY);
    assert.equal(status, 0, stderr);
    assert.deepEqual(await tree(at("tokens")), ["linked.lmspt", "three.lmspt"]);
  });
});

describe("--output", () => {
  const at = temporaryFolder();

  const outputs: [meaning: string, out: string, file: string][] = [
    ["a file by its extension", "new/name.lmspt", "new/name.lmspt"],
    ["a folder without an extension", "tokens", "tokens/speech-1s.lmspt"],
    ["a folder with a slash", "v1.0/", "v1.0/speech-1s.lmspt"],
    ["a format by its extension", "name.npy", "name.npy"],
  ];
  for (const [meaning, out, file] of outputs) {
    it(`means ${meaning}`, async () => {
      const { status, stderr } = await run("encode", speech, "-o", `${at()}/${out}`, ...TINY);
      assert.equal(status, 0, stderr);
      assert.deepEqual(await tree(at()), [file]);
    });
  }

  it("means a folder where it exists as one", async () => {
    await mkdir(at("tokens.json"));
    assert.equal((await run("encode", speech, "-o", at("tokens.json"), ...TINY)).status, 0);
    assert.deepEqual(await tree(at()), ["tokens.json/speech-1s.lmspt"]);
  });

  const wrong: [what: string, message: RegExp, args: (at: (name: string) => string) => string[]][] = [
    ["an extension of no format", /to end in \.lmspt, \.json, \.npy/, (at) => ["encode", speech, "-o", at("x.txt")]],
    [
      "an extension of another format",
      /Expected --output to end in \.npy/,
      (at) => ["encode", speech, "-o", at("x.json"), "--format", "npy"],
    ],
    ["speech that is not WAV", /to end in \.wav/, (at) => ["decode", at("a.lmspt"), "-o", at("x.flac")]],
    ["a file for several inputs", /is a file/, (at) => ["encode", speech, speech, "-o", at("a.lmspt")]],
    [
      "two inputs for one output",
      /^lmspt: Both .* would be written to/,
      (at) => ["encode", speech, speech, "-o", at("x")],
    ],
    ["an input as output", /is an input/, (at) => ["decode", at("a.wav"), "-o", at("a.wav"), "--force"]],
  ];
  for (const [what, message, args] of wrong) {
    it(`refuses ${what}`, async () => {
      await writeFile(at("a.lmspt"), "precious");
      await writeFile(at("a.wav"), "precious");
      const { status, stderr } = await run(...args(at), ...TINY);
      assert.equal(status, 2, stderr);
      assert.match(stderr, message);
      assert.deepEqual(await tree(at()), ["a.lmspt", "a.wav"]);
    });
  }
});

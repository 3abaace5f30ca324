import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../package/root.js";
import { run, speech, TINY, temporaryFolder } from "./support.js";

describe("lmspt info", () => {
  const at = temporaryFolder();

  const infoJson = async (subject: string) => {
    const { status, stdout, stderr } = await run("info", subject, "--json");
    return { status, json: JSON.parse(stdout), stderr };
  };
  const encode = async (name: string) => {
    assert.equal((await run("encode", speech, "-o", at(name), ...TINY)).status, 0);
  };

  for (const format of ["lmspt", "json"]) {
    it(`describes tokens as ${format}`, async () => {
      await encode(`speech.${format}`);
      const { status, json, stderr } = await infoJson(at(`speech.${format}`));
      assert.equal(status, 0);
      assert.equal(stderr, "");
      const { model, ...rest } = json;
      assert.match(model, /^sha256:[0-9a-f]{64}$/);
      assert.deepEqual(rest, {
        kind: "tokens",
        path: at(`speech.${format}`),
        format,
        bytes: (await readFile(at(`speech.${format}`))).length,
        seconds: 1,
        samples: 24000,
        sampleRate: 24000,
        frames: 13,
        frameRate: 12.5,
        bitrate: 12.5 * (9 + 7 * 8),
        codebooks: { semantic: { count: 1, size: 512 }, acoustic: { count: 7, size: 256 } },
        complete: true,
        damaged: [],
      });
    });
  }

  it("describes tokens for people", async () => {
    await encode("speech.lmspt");
    const { status, stdout } = await run("info", at("speech.lmspt"));
    assert.equal(status, 0);
    assert.match(stdout, /^duration +1\.00 s, 24000 samples at 24000 Hz$/m);
    assert.match(stdout, /^frames +13 at 12\.5 Hz$/m);
    assert.match(stdout, /^bitrate +812\.5 bit\/s$/m);
    assert.match(stdout, /^codebooks +1 semantic of 512 codes, 7 acoustic of 256$/m);
    assert.match(stdout, /^state +complete and intact$/m);
  });

  it("shows what of a token file is lost, and ends with 1", async () => {
    await encode("speech.lmspt");
    const bytes = await readFile(at("speech.lmspt"));
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(at("speech.lmspt"), bytes);
    const { status, json } = await infoJson(at("speech.lmspt"));
    assert.equal(status, 1);
    assert.equal(json.complete, false);
    assert.deepEqual(json.damaged, [{ startFrame: 0, endFrame: 13 }]);
    const { stdout } = await run("info", at("speech.lmspt"));
    assert.match(stdout, /^state +DAMAGED\nlost +frames 0 to 12, 0\.00 s to 1\.04 s$/m);
  });

  const audio: [file: string, format: string, encoding: string, sampleRate: number, channels: number][] = [
    ["speech-1s.wav", "wav", "pcm16", 24000, 1],
    ["pcm24.wav", "wav", "pcm24", 24000, 1],
    ["speech-1s.flac", "flac", "flac", 24000, 1],
    ["speech-1s.opus", "opus", "opus", 48000, 1],
  ];
  for (const [file, format, encoding, sampleRate, channels] of audio) {
    it(`describes ${file}`, async () => {
      const { status, json } = await infoJson(join(root, "test/fixtures/audio", file));
      assert.equal(status, 0);
      assert.equal(json.kind, "audio");
      assert.deepEqual([json.format, json.encoding], [format, encoding]);
      assert.deepEqual([json.sampleRate, json.channels], [sampleRate, channels]);
      assert.equal(json.seconds, json.frames / sampleRate);
    });
  }

  it("describes a model and warns that it is untrained", async () => {
    const { status, json, stderr } = await infoJson("random:1:tiny");
    assert.equal(status, 0);
    assert.match(stderr, /^\*\*\* UNTRAINED MODEL \*\*\*/);
    assert.deepEqual([json.kind, json.name, json.untrained], ["model", "random:1:tiny", true]);
    assert.deepEqual([json.sampleRate, json.frameRate, json.samplesPerFrame], [24000, 12.5, 1920]);
    assert.equal(json.config.n_codebooks, 8);
    assert.ok(json.parameters > 100_000);
    const { stdout } = await run("info", "random:1:tiny");
    assert.match(stdout, /^model +random:1:tiny \(UNTRAINED\)$/m);
    assert.match(stdout, /^n_codebooks +8$/m);
  });

  it("refuses what it cannot describe", async () => {
    await encode("codes.npy");
    await writeFile(at("notes"), "something else");
    const cases: [subject: string, status: number, message: RegExp][] = [
      [at("codes.npy"), 1, /^lmspt: .*codes\.npy is NPY, which holds codes and nothing about them/],
      [at("notes"), 1, /^lmspt: Expected audio as WAV/],
      [at("absent.wav"), 1, /^lmspt: There is no file .*absent\.wav/],
      [at("absent"), 3, /^lmspt: No model /],
    ];
    for (const [subject, status, message] of cases) {
      const outcome = await run("info", subject);
      assert.equal(outcome.status, status, outcome.stderr);
      assert.equal(outcome.stdout, "");
      assert.match(outcome.stderr, message);
    }
  });
});

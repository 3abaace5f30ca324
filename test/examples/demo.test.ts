import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { decodeTokenFile, decodeWav, loadAudio } from "../../lib/index.js";
import { root } from "../package/root.js";

describe("examples", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "lmspt-examples-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const start = async (script: string, ...args: string[]) => {
    const { stdout } = await promisify(execFile)(process.execPath, [join(root, script), ...args], { cwd: folder });
    return stdout;
  };

  it("demo: writes tokens, speech and picture, and prints what came of them", async () => {
    const stdout = await start("dist/examples/demo.js", "random:1:tiny");
    const original = await loadAudio(join(root, "examples/speech.wav"));
    const tokens = decodeTokenFile(await readFile(join(folder, "demo-output/speech.lmspt")));
    const speech = decodeWav(await readFile(join(folder, "demo-output/reconstructed.wav")));
    const picture = await readFile(join(folder, "demo-output/picture.svg"), "utf8");
    assert.equal(tokens.samples, original.samples.length);
    assert.equal(speech.channels[0]!.length, original.samples.length);
    assert.match(picture, /^<svg [^>]*>\n[\s\S]*<\/svg>\n$/);
    assert.match(stdout, /^tokens +84 frames of 8, 12\.5 frames per second$/m);
    assert.match(stdout, /^bitrate +812\.5 bit\/s/m);
    assert.match(stdout, /^encode +\d+\.\d\d s, \d+\.\dx real time\ndecode +\d+\.\d\d s, \d+\.\dx real time$/m);
    assert.match(stdout, /^distance +log-mel distance \d+\.\d dB/m);
    assert.match(stdout, /^\*\*\* UNTRAINED MODEL: .* \*\*\*$/m);
  });

  it("demo: takes the bundled model where none is named", async () => {
    const stdout = await start("dist/examples/demo.js");
    assert.match(stdout, /^model +12\.5hz-16k-small, 4\.9 million parameters/m);
    assert.match(stdout, /^distance +log-mel distance \d\.\d dB/m);
    assert.doesNotMatch(stdout, /UNTRAINED/);
    const speech = decodeWav(await readFile(join(folder, "demo-output/reconstructed.wav")));
    assert.equal(speech.sampleRate, 16000);
  });

  it("encode-decode: turns a file into tokens and back through the package's own name", async () => {
    await copyFile(join(root, "test/fixtures/audio/speech-1s.wav"), join(folder, "in.wav"));
    const stdout = await start("examples/encode-decode.mjs", "in.wav", "out.wav", "random:1:tiny");
    assert.match(stdout, /^13 frames; the semantic tokens begin with( \d+){8}$/m);
    assert.equal((await loadAudio(join(folder, "out.wav"))).samples.length, 24000);
  });
});

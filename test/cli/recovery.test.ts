import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { loadAudio } from "../../lib/audio/decode.js";
import { encodeTokenFile } from "../../lib/data/token-file.js";
import { sliceTokens, type Tokens } from "../../lib/data/tokens.js";
import { Tokenizer } from "../../lib/models/tokenizer.js";
import { run, speech, TINY, temporaryFolder, tree } from "./support.js";

const HOP = 1920;
const CHUNK_FRAMES = 4;

describe("lmspt decode --recover", () => {
  const at = temporaryFolder();
  let tokenizer: Tokenizer;
  let tokens: Tokens;
  let bytes: Uint8Array;
  /** Bytes of a chunk of four frames and of the header. */
  let chunk: number;
  let header: number;
  before(async () => {
    tokenizer = await Tokenizer.load("random:1:tiny", { device: "cpu" });
    tokens = await tokenizer.encode(speech);
    bytes = encodeTokenFile(tokens, { chunkFrames: CHUNK_FRAMES });
    header = 48 + tokens.model.length;
    chunk = 24 + Math.ceil((CHUNK_FRAMES * (9 + 7 * 8)) / 8);
  });
  after(() => tokenizer.close());

  const recover = (...args: string[]) =>
    run("decode", at("a.lmspt"), "-o", at("a.wav"), ...TINY, "--encoding", "float32", "--quiet", "--recover", ...args);
  const samplesOf = async (name: string) => (await loadAudio(at(name))).samples;
  const damaged = (offset: number) => {
    const copy = Uint8Array.from(bytes);
    copy[offset]! ^= 1;
    return copy;
  };

  it("gives an intact file as without it", async () => {
    await writeFile(at("a.lmspt"), bytes);
    const { status, stderr } = await recover();
    assert.equal(status, 0);
    assert.doesNotMatch(stderr, /Recovered/);
    assert.deepEqual(await samplesOf("a.wav"), (await tokenizer.decode(tokens)).samples);
  });

  it("decodes the chunks around a damaged one at their times, and silence between", async () => {
    await writeFile(at("a.lmspt"), damaged(header + chunk + 30));
    const { status, stderr } = await recover();
    assert.equal(status, 0, stderr);
    assert.match(
      stderr,
      /^Recovered: .*a\.lmspt: 4 of 13 frames are lost, and silent: frames 4 to 7, 0\.32 s to 0\.64 s$/m,
    );
    const expected = new Float32Array(24000);
    expected.set((await tokenizer.decode(sliceTokens(tokens, 0, 4))).samples);
    expected.set((await tokenizer.decode(sliceTokens(tokens, 8, 13))).samples, 8 * HOP);
    assert.deepEqual(await samplesOf("a.wav"), expected);
  });

  it("keeps the times of a mode with another rate", async () => {
    await writeFile(at("a.lmspt"), damaged(header + 30));
    assert.equal((await recover("--mode", "aux")).status, 0);
    const { samples, sampleRate } = await loadAudio(at("a.wav"));
    assert.deepEqual([samples.length, sampleRate], [16000, 16000]);
    assert.deepEqual(new Set(samples.subarray(0, 4 * 1280)), new Set([0]));
    const rest = await tokenizer.decode(sliceTokens(tokens, 4, 13), { mode: "aux" });
    assert.deepEqual(samples.subarray(4 * 1280), rest.samples);
  });

  it("decodes a file that was cut off while it was copied", async () => {
    await writeFile(at("a.lmspt"), bytes.subarray(0, header + 2 * chunk + 5));
    const { status, stderr } = await recover();
    assert.equal(status, 0, stderr);
    assert.match(stderr, /: 5 of 13 frames are lost, and silent: frames 8 to 12, 0\.64 s to 1\.04 s$/m);
    const samples = await samplesOf("a.wav");
    assert.equal(samples.length, 24000);
    assert.deepEqual(samples.subarray(0, 8 * HOP), (await tokenizer.decode(sliceTokens(tokens, 0, 8))).samples);
  });

  it("is what the error of a damaged file advises, and leaves nothing where it is not given", async () => {
    await writeFile(at("a.lmspt"), damaged(header + 30));
    const { status, stderr } = await run("decode", at("a.lmspt"), "-o", at("a.wav"), ...TINY);
    assert.equal(status, 1);
    assert.match(stderr, /^Failed: .*a\.lmspt: .*\(at byte \d+\); --recover decodes what is intact of it$/m);
    assert.deepEqual(await tree(at()), ["a.lmspt"]);
    assert.match((await run("info", at("a.lmspt"))).stdout, /^remedy +lmspt decode --recover/m);
  });

  it("fails where the header is damaged or nothing is intact, and leaves nothing", async () => {
    for (const [content, message] of [
      [damaged(20), /Failed: .*The token file's header is damaged/],
      [bytes.subarray(0, header + 10), /Failed: .*not one chunk of codes is/],
      [bytes.subarray(0, 9), /Failed: .*The header of the token file is cut off/],
    ] as const) {
      await writeFile(at("a.lmspt"), content);
      const { status, stderr } = await recover();
      assert.equal(status, 1);
      assert.match(stderr, message);
      assert.deepEqual(await tree(at()), ["a.lmspt"]);
    }
  });

  it("refuses another model's tokens, and reads JSON as ever", async () => {
    await writeFile(at("a.lmspt"), bytes);
    const other = await run("decode", at("a.lmspt"), "-o", at("a.wav"), "--model", "random:2:tiny", "--recover");
    assert.equal(other.status, 1);
    assert.match(other.stderr, /Expected tokens of the model/);
    assert.equal((await run("encode", speech, "-o", at("b.json"), ...TINY)).status, 0);
    for (const [name, ...args] of [["plain"], ["recovered", "--recover"]] as const) {
      assert.equal((await run("decode", at("b.json"), "-o", at(`${name}.wav`), ...TINY, ...args)).status, 0);
    }
    assert.deepEqual(await readFile(at("recovered.wav")), await readFile(at("plain.wav")));
  });
});

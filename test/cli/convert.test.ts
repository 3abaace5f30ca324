import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { loadAudio } from "../../lib/audio/decode.js";
import { WavReader } from "../../lib/audio/wav-reader.js";
import { WavWriter } from "../../lib/audio/wav-writer.js";
import { writeSafetensors } from "../../lib/data/safetensors-writer.js";
import { decodeTokenFile } from "../../lib/data/token-file.js";
import { tokenCodes } from "../../lib/data/tokens.js";
import { Tokenizer } from "../../lib/models/tokenizer.js";
import { goldenModel } from "../models/golden-model.js";
import { NARROW_FIELDS, randomModel, saveModel } from "../models/small-models.js";
import { run, speech, TINY, temporaryFolder, tree } from "./support.js";

describe("lmspt encode and decode", () => {
  const at = temporaryFolder();

  const encode = async (...args: string[]) => {
    const outcome = await run("encode", ...args, ...TINY);
    assert.equal(outcome.status, 0, outcome.stderr);
    return outcome;
  };
  const decode = async (...args: string[]) => {
    const outcome = await run("decode", ...args, ...TINY);
    assert.equal(outcome.status, 0, outcome.stderr);
    return outcome;
  };

  it("give what the API gives, at the true length", async () => {
    await encode(speech, "-o", at("speech.lmspt"));
    await decode(at("speech.lmspt"), "-o", at("speech.wav"), "--encoding", "float32");
    await using tokenizer = await Tokenizer.load("random:1:tiny");
    const audio = await loadAudio(speech);
    const tokens = await tokenizer.encode(audio);
    assert.deepEqual(decodeTokenFile(await readFile(at("speech.lmspt"))), tokens);
    const decoded = await loadAudio(at("speech.wav"));
    assert.deepEqual(decoded, await tokenizer.decode(tokens));
    assert.equal(decoded.samples.length / decoded.sampleRate, audio.samples.length / audio.sampleRate);
    assert.deepEqual(await tree(at()), ["speech.lmspt", "speech.wav"]);
  });

  it("stream inputs that are long from disk to disk, and give what the API gives", async () => {
    const short = await loadAudio(speech);
    await using writer = await WavWriter.create(at("long.wav"), { sampleRate: 24000 });
    for (let i = 0; i < 180; i++) await writer.write(short.samples);
    await writer.close();
    await mkdir(at("narrow"));
    await saveModel(await randomModel(NARROW_FIELDS), at("narrow"));
    const narrow = ["--model", at("narrow")];
    const encoded = await run("encode", at("long.wav"), "-o", at("long.lmspt"), ...narrow);
    assert.deepEqual([encoded.status, /2250 frames, .*3 min 00 s/.test(encoded.stderr)], [0, true], encoded.stderr);
    const decoded = await run("decode", at("long.lmspt"), "-o", at("out.wav"), "--encoding", "float32", ...narrow);
    assert.deepEqual([decoded.status, /2250 frames, 24000 Hz/.test(decoded.stderr)], [0, true], decoded.stderr);
    await using tokenizer = await Tokenizer.load(at("narrow"));
    const tokens = await tokenizer.encode(await loadAudio(at("long.wav")));
    assert.equal(tokens.frames, 2250);
    assert.deepEqual(decodeTokenFile(await readFile(at("long.lmspt"))), tokens);
    assert.deepEqual(await loadAudio(at("out.wav")), await tokenizer.decode(tokens));
  }).timeout(30_000);

  for (const format of ["json", "npy"]) {
    it(`pass the codes through ${format}`, async () => {
      await encode(speech, "-o", at("a.lmspt"));
      await encode(speech, "-o", at(`b.${format}`));
      await decode(at("a.lmspt"), "-o", at("a.wav"));
      await decode(at(`b.${format}`), "-o", at("b.wav"));
      const [a, b] = await Promise.all([loadAudio(at("a.wav")), loadAudio(at("b.wav"))]);
      assert.deepEqual(b.samples.subarray(0, a.samples.length - 4), a.samples.subarray(0, a.samples.length - 4));
    });
  }

  it("write the JSON form that is documented", async () => {
    await encode(speech, "-o", at("tokens"), "--format", "json");
    const json = JSON.parse(await readFile(at("tokens/speech-1s.json"), "utf8"));
    await using tokenizer = await Tokenizer.load("random:1:tiny");
    const tokens = await tokenizer.encode(speech);
    assert.deepEqual(
      json.codes,
      tokenCodes(tokens).map((row) => [...row]),
    );
    const { frameRate, sampleRate, samples, model } = tokens;
    assert.deepEqual(
      [json.frameRate, json.sampleRate, json.samples, json.model],
      [frameRate, sampleRate, samples, model],
    );
  });

  it("decode JSON that has the documented fields alone", async () => {
    await encode(speech, "-o", at("full.json"));
    const { codes, frameRate, sampleRate, samples, model } = JSON.parse(await readFile(at("full.json"), "utf8"));
    await writeFile(at("least.json"), JSON.stringify({ codes, frameRate, sampleRate, samples, model }));
    await decode(at("full.json"), "-o", at("full.wav"));
    await decode(at("least.json"), "-o", at("least.wav"));
    assert.deepEqual(await readFile(at("least.wav")), await readFile(at("full.wav")));
  });

  it("obey mode, codebooks and encoding", async () => {
    await encode(speech, "-o", at("speech.lmspt"));
    const variants: [name: string, encoding: string, rate: number, ...args: string[]][] = [
      ["full", "pcm16", 24000],
      ["aux", "pcm24", 16000, "--mode", "aux", "--encoding", "pcm24"],
      ["semantic", "float32", 24000, "--mode", "semantic", "--encoding", "float32"],
      ["first", "float32", 24000, "--codebooks", "1", "--encoding", "float32"],
      ["two", "float32", 24000, "--codebooks", "2", "--encoding", "float32"],
      ["acoustic", "float32", 24000, "--mode", "acoustic", "--encoding", "float32"],
    ];
    const files = new Map<string, Buffer>();
    for (const [name, encoding, rate, ...args] of variants) {
      await decode(at("speech.lmspt"), "-o", at(`${name}.wav`), ...args);
      files.set(name, await readFile(at(`${name}.wav`)));
      await using reader = await WavReader.open(at(`${name}.wav`));
      assert.equal(reader.format.encoding, encoding, name);
      assert.equal(reader.format.sampleRate, rate, name);
    }
    assert.deepEqual(files.get("first"), files.get("semantic"));
    assert.notDeepEqual(files.get("two"), files.get("first"));
    assert.notDeepEqual(files.get("acoustic"), files.get("two"));
  });

  it("refuse more codebooks than the model has", async () => {
    await encode(speech, "-o", at("speech.lmspt"));
    const { status, stderr } = await run("decode", at("speech.lmspt"), "-o", at("x.wav"), ...TINY, "--codebooks", "9");
    assert.equal(status, 2);
    assert.match(stderr, /Expected 1 to 8 for --codebooks/);
  });

  it("refuse tokens of another model and say which", async () => {
    await encode(speech, "-o", at("speech.lmspt"));
    const args = ["decode", at("speech.lmspt"), "-o", at("x.wav"), "--model", "random:2:tiny"];
    const { status, stderr } = await run(...args);
    assert.equal(status, 1);
    assert.match(stderr, /Failed: .*speech\.lmspt: Expected tokens of the model sha256:/);
    assert.deepEqual(await tree(at()), ["speech.lmspt"]);
  });

  it("say what they do, with speed, and warn of untrained models", async () => {
    const { stdout, stderr } = await encode(speech, "-o", at("speech.lmspt"));
    assert.equal(stdout, "");
    assert.match(stderr, /^\*\*\* UNTRAINED MODEL \*\*\* random:1:tiny /m);
    assert.match(stderr, /^Model random:1:tiny on cpu/m);
    assert.match(stderr, /speech-1s\.wav -> .*speech\.lmspt: 13 frames, \d+ bytes, 1\.00 s, \d+(\.\d)?x real time$/m);
    assert.match(stderr, /^Encoded 1 of 1 file: 1\.00 s of speech in /m);
  });

  it("keep nothing but warnings with --quiet", async () => {
    const { stdout, stderr } = await encode(speech, "-o", at("speech.lmspt"), "--quiet");
    assert.equal(stdout, "");
    assert.match(stderr, /^\*\*\* UNTRAINED MODEL .*\n$/);
  });

  it("state the licence of a preset's weights", async () => {
    const { golden, model } = await goldenModel("tiny");
    const folder = at("models", "12.5hz-24k");
    await mkdir(folder, { recursive: true });
    await writeFile(at("models/12.5hz-24k/config.json"), JSON.stringify(model.config));
    const tensors = model.parameters.map(({ name, shape }) => {
      return [name, { dtype: "F32", shape, data: golden.floats(`param.${name}`) }] as const;
    });
    await writeSafetensors(at("models/12.5hz-24k/model.safetensors"), tensors);
    process.env.LMSPT_MODELS = at("models");
    try {
      const { status, stderr } = await run("encode", speech, "-m", "12.5hz-24k", "-o", at("speech.lmspt"), "--quiet");
      assert.equal(status, 0, stderr);
      assert.match(stderr, /^Licence: The weights kakaocorp\/lmspt are licensed under CC-BY-NC-4\.0.*\n$/);
    } finally {
      delete process.env.LMSPT_MODELS;
    }
  });
});

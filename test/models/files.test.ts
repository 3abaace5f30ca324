import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { decodeWav, encodeWav } from "../../lib/audio/wav.js";
import { decodeTokenFile } from "../../lib/data/token-file.js";
import { packageRoot } from "../../lib/graph/native.js";
import type { Tokenizer } from "../../lib/index.js";
import { randomFloats } from "../golden.js";
import { useFolder } from "./small-models.js";
import { HOP, loadSmall } from "./stream-models.js";

const fixture = (name: string) => join(packageRoot(), "test", "fixtures", "audio", name);

describe("files to files", function () {
  this.timeout(60_000);
  const path = useFolder();
  let tokenizer: Tokenizer;
  before(async () => {
    tokenizer = await loadSmall(path("model"), {});
    await mkdir(path("out"));
  });
  after(() => tokenizer.close());

  /** What lies in the folder of outputs besides what is named. */
  const leftovers = (...names: string[]) => readdirSync(path("out")).filter((name) => !names.includes(name));

  it("give the tokens and the speech that encode and decode give, for every format", async () => {
    for (const extension of ["wav", "flac", "oga", "mp3", "ogg", "opus"]) {
      const tokens = await tokenizer.encode(fixture(`speech-1s.${extension}`));
      const written = await tokenizer.encodeFile(fixture(`speech-1s.${extension}`), path("a.lmspt"));
      assert.deepEqual(decodeTokenFile(readFileSync(path("a.lmspt"))), tokens);
      assert.deepEqual(written, { frames: tokens.frames, samples: tokens.samples });
      const speech = await tokenizer.decode(tokens, { mode: "aux" });
      const options = { mode: "aux", encoding: "float32" } as const;
      const report = { frames: tokens.frames, samples: speech.samples.length, sampleRate: 8000 };
      for (const input of [path("a.lmspt"), tokens]) {
        assert.deepEqual(await tokenizer.decodeFile(input, path("a.wav"), options), report);
        assert.deepEqual(decodeWav(readFileSync(path("a.wav"))).channels, [speech.samples]);
      }
    }
  });

  it("of many windows have no seams, with channels mixed and another rate", async () => {
    const channels = [randomFloats(400_000, 1), randomFloats(400_000, 2)];
    writeFileSync(path("long.wav"), encodeWav({ channels, sampleRate: 22050 }, { encoding: "float32" }));
    const samples = channels[0]!.map((sample, i) => (sample + channels[1]![i]!) / 2);
    const tokens = await tokenizer.encode({ samples, sampleRate: 22050 });
    assert(tokens.frames > 2500);
    await tokenizer.encodeFile(path("long.wav"), path("long.lmspt"));
    assert.deepEqual(decodeTokenFile(readFileSync(path("long.lmspt"))), tokens);
    const speech = await tokenizer.decode(tokens);
    await tokenizer.decodeFile(path("long.lmspt"), path("long-out.wav"), { encoding: "float32" });
    assert.deepEqual(decodeWav(readFileSync(path("long-out.wav"))).channels, [speech.samples]);
  });

  it("of no length are files of no length", async () => {
    writeFileSync(path("empty.wav"), encodeWav({ samples: new Float32Array(0), sampleRate: 16000 }));
    assert.deepEqual(await tokenizer.encodeFile(path("empty.wav"), path("e.lmspt")), { frames: 0, samples: 0 });
    const written = await tokenizer.decodeFile(path("e.lmspt"), path("e.wav"));
    assert.deepEqual(written, { frames: 0, samples: 0, sampleRate: 16000 });
    assert.equal(decodeWav(readFileSync(path("e.wav"))).format.frames, 0);
  });

  it("tell their progress up to the total", async () => {
    const audio = { samples: randomFloats(200_000, 3), sampleRate: 16000 };
    writeFileSync(path("p.wav"), encodeWav(audio));
    const seen: [number, number][] = [];
    const onProgress = (done: number, total: number) => void seen.push([done, total]);
    await tokenizer.encodeFile(path("p.wav"), path("p.lmspt"), { onProgress });
    await tokenizer.decodeFile(path("p.lmspt"), path("p-out.wav"), { onProgress });
    assert(seen.length > 6);
    for (const [done, total] of seen) assert(done > 0 && done <= total && total === 12.5);
    assert.equal(seen.filter(([done, total]) => done === total).length, 2);
  });

  it("that fail or are aborted on the way leave nothing, and what stood there stays", async () => {
    const flac = readFileSync(fixture("speech.wav"));
    const damaged = encodeWav({ samples: randomFloats(300_000, 4), sampleRate: 16000 }, { encoding: "float32" });
    new DataView(damaged.buffer).setFloat32(damaged.length - 4, Number.NaN, true);
    writeFileSync(path("damaged.wav"), damaged);
    writeFileSync(path("whole.wav"), flac);
    writeFileSync(path("out/kept.lmspt"), "before");
    await assert.rejects(tokenizer.encodeFile(path("damaged.wav"), path("out/kept.lmspt")), {
      name: "FormatError",
      message: /frame 299999/,
    });
    const reason = new Error("enough");
    const controller = new AbortController();
    const { signal } = controller;
    const onProgress = () => controller.abort(reason);
    const encoding = tokenizer.encodeFile(path("whole.wav"), path("out/kept.lmspt"), { signal, onProgress });
    await assert.rejects(encoding, (error) => error === reason);
    assert.equal(readFileSync(path("out/kept.lmspt"), "utf8"), "before");
    assert.deepEqual(leftovers("kept.lmspt"), []);

    const tokens = await tokenizer.encode(randomFloats(200_000, 5));
    await assert.rejects(tokenizer.decodeFile({ ...tokens, model: "another" }, path("out/x.wav")), {
      code: "ERR_LMSPT_MODEL",
    });
    const again = new AbortController();
    const decoding = tokenizer.decodeFile(tokens, path("out/x.wav"), {
      signal: again.signal,
      onProgress: () => again.abort(reason),
    });
    await assert.rejects(decoding, (error) => error === reason);
    await tokenizer.encodeFile(path("whole.wav"), path("t.lmspt"));
    const bytes = readFileSync(path("t.lmspt"));
    bytes[bytes.length / 2]! ^= 1;
    writeFileSync(path("t.lmspt"), bytes);
    await assert.rejects(tokenizer.decodeFile(path("t.lmspt"), path("out/x.wav")), { name: "FormatError" });
    assert.deepEqual(leftovers("kept.lmspt"), []);
  });

  it("are refused with the reason where they cannot be read or written", async () => {
    const io = { code: "ERR_LMSPT_IO" };
    await assert.rejects(tokenizer.encodeFile(path("missing.wav"), path("out/x.lmspt")), io);
    await assert.rejects(tokenizer.encodeFile(fixture("speech-1s.wav"), path("nowhere/x.lmspt")), io);
    await assert.rejects(tokenizer.decodeFile(path("missing.lmspt"), path("out/x.wav")), io);
    const tokens = await tokenizer.encode(new Float32Array(HOP));
    await assert.rejects(tokenizer.decodeFile(tokens, path("nowhere/x.wav")), io);
    const wrong = { code: "ERR_LMSPT_INVALID_ARGUMENT" };
    await assert.rejects(tokenizer.encodeFile(5 as unknown as string, "x"), wrong);
    await assert.rejects(tokenizer.encodeFile("x", undefined as unknown as string), wrong);
    await assert.rejects(tokenizer.decodeFile(tokens, path("out/x.wav"), { encoding: "mp3" as "pcm16" }), wrong);
    await assert.rejects(tokenizer.decodeFile(tokens, path("out/x.wav"), { codebooks: 9 }), wrong);
  });
});

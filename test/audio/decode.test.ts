import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { downmix } from "../../lib/audio/audio.js";
import { decodeAudio, loadAudio } from "../../lib/audio/decode.js";
import { decodeCompressed } from "../../lib/audio/decode-compressed.js";
import { decodeWav, encodeWav } from "../../lib/audio/wav.js";
import { alignedCorrelation, ascii, fixture, inTemporaryFolder, resealOgg, u32, u64 } from "./support.js";

const source = decodeWav(readFileSync(fixture("speech-1s.wav")));
const COMPRESSED = ["flac", "oga", "mp3", "ogg", "opus"];

function bytesOf(extension: string): Uint8Array {
  return new Uint8Array(readFileSync(fixture(`speech-1s.${extension}`)));
}

/** Half a second of work for the decoder. */
function longMp3(): Uint8Array {
  const one = bytesOf("mp3");
  const long = new Uint8Array(300 * one.length);
  for (let at = 0; at < long.length; at += one.length) long.set(one, at);
  return long;
}

describe("decodeAudio", function () {
  this.timeout(30_000);

  it("decodes WAV from a path and from bytes", async () => {
    const expected = { channels: source.channels, sampleRate: 24000 };
    assert.deepEqual(await decodeAudio(fixture("speech-1s.wav")), expected);
    assert.deepEqual(await decodeAudio(bytesOf("wav")), expected);
  });

  it("decodes WAV of several blocks", async () => {
    const whole = decodeWav(readFileSync(fixture("speech.wav")));
    assert.deepEqual((await decodeAudio(fixture("speech.wav"))).channels, whole.channels);
  });

  for (const extension of ["flac", "oga"]) {
    it(`decodes .${extension} without any loss`, async () => {
      const audio = await decodeAudio(fixture(`speech-1s.${extension}`));
      assert.deepEqual(audio, { channels: source.channels, sampleRate: 24000 });
    });
  }

  for (const extension of ["mp3", "ogg"]) {
    it(`decodes .${extension} to the source's length and nearly its samples`, async () => {
      const audio = await decodeAudio(fixture(`speech-1s.${extension}`));
      assert.equal(audio.sampleRate, 24000);
      assert.deepEqual(
        audio.channels.map((channel) => channel.length),
        [24000],
      );
      assert.ok(alignedCorrelation(source.channels[0]!, audio.channels[0]!, 50) > 0.99);
    });
  }

  it("decodes .opus to 48 kHz, the source's length and nearly its samples", async () => {
    const audio = await decodeAudio(fixture("speech-1s.opus"));
    assert.equal(audio.sampleRate, 48000);
    assert.deepEqual(
      audio.channels.map((channel) => channel.length),
      [48000],
    );
    const everySecond = Float32Array.from({ length: 24000 }, (_, index) => audio.channels[0]![2 * index]!);
    assert.ok(alignedCorrelation(source.channels[0]!, everySecond, 50) > 0.95);
  });

  it("goes by the content, not by the name", async () => {
    await inTemporaryFolder(async (folder) => {
      for (const extension of COMPRESSED) {
        const disguised = join(folder, `${extension}.wav`);
        copyFileSync(fixture(`speech-1s.${extension}`), disguised);
        assert.deepEqual(await decodeAudio(disguised), await decodeAudio(fixture(`speech-1s.${extension}`)));
      }
    });
  });

  it("passes over an ID3 tag and the zeros after it", async () => {
    const tag = [...ascii("ID3"), 4, 0, 0, 0, 0, 0x01, 0x02, ...new Array<number>(130).fill(0xff)];
    for (const extension of ["flac", "mp3"]) {
      const tagged = Uint8Array.from([...tag, ...bytesOf(extension)]);
      assert.deepEqual(await decodeAudio(tagged), await decodeAudio(bytesOf(extension)));
    }
    const padded = Uint8Array.from([...tag, ...new Uint8Array(500), ...bytesOf("mp3")]);
    assert.deepEqual(await decodeAudio(padded), await decodeAudio(bytesOf("mp3")));
  });

  it("passes over tags at the end", async () => {
    const items = new Uint8Array(5000).fill(0x41);
    const apeMark = [...ascii("APETAGEX"), ...u32(2000), ...u32(items.length + 32), ...u32(1), ...u32(0x80000000)];
    const ape = [...apeMark, ...u64(0), ...items, ...apeMark, ...u64(0)];
    const id3v1 = [...ascii("TAG"), ...new Uint8Array(125).fill(0x20)];
    for (const extension of ["flac", "mp3"]) {
      const expected = await decodeAudio(bytesOf(extension));
      for (const tags of [id3v1, ape, [...ape, ...id3v1]]) {
        assert.deepEqual(await decodeAudio(Uint8Array.from([...bytesOf(extension), ...tags])), expected);
      }
    }
  });

  it("leaves the given bytes alone, also a part of a larger buffer", async () => {
    const large = new Uint8Array([1, 2, 3, ...bytesOf("flac"), 4, 5]);
    const copy = large.slice();
    assert.deepEqual((await decodeAudio(large.subarray(3, -2))).channels, source.channels);
    assert.deepEqual(large, copy);
  });

  it("names the accepted formats and the first bytes of unknown content", async () => {
    const error = (message: RegExp) => ({ name: "FormatError", code: "ERR_LMSPT_FORMAT", offset: 0, message });
    await assert.rejects(
      decodeAudio(Uint8Array.from(ascii("\0\0\0\x20ftypM4A more"))),
      error(/WAV, FLAC, MP3, Ogg Vorbis or Ogg Opus.*00 00 00 20 66 74 79 70 4d 34 41 20 \("\.\.\. ftypM4A "\)/),
    );
    await assert.rejects(decodeAudio(fixture("README.md")), error(/"# Audio fixt"/));
    await assert.rejects(decodeAudio(new Uint8Array(0)), error(/there are no bytes/));
    const speex = bytesOf("opus");
    speex.set(ascii("Speex   "), 28);
    await assert.rejects(decodeAudio(resealOgg(speex)), error(/OggS/));
  });

  it("reports files that are cut off", async () => {
    for (const extension of ["flac", "oga", "ogg", "opus"]) {
      const bytes = bytesOf(extension);
      const half = bytes.subarray(0, bytes.length / 2);
      await assert.rejects(decodeAudio(half), { name: "FormatError", message: /is damaged/ }, extension);
    }
  });

  it("reports the Ogg page whose checksum is wrong", async () => {
    const bytes = bytesOf("ogg");
    const lastPage = Buffer.from(bytes.buffer).lastIndexOf("OggS");
    bytes[bytes.length - 5]! ^= 1;
    await assert.rejects(decodeAudio(bytes), { name: "FormatError", message: /checksum/, offset: lastPage });
  });

  it("reports FLAC metadata that is cut off, with its offset in the file", async () => {
    const tagged = Uint8Array.from([...ascii("ID3"), 4, 0, 0, 0, 0, 0, 0, ...bytesOf("flac")]);
    tagged.set([0x04, 0xff, 0xff, 0xff], 10 + 42);
    await assert.rejects(decodeAudio(tagged), { name: "FormatError", offset: 10 + 42, message: /metadata/ });
  });

  it("refuses samples that are not finite", async () => {
    const wav = encodeWav({ samples: new Float32Array(70000), sampleRate: 8000 }, { encoding: "float32" });
    new DataView(wav.buffer).setFloat32(wav.length - 4, Number.NaN, true);
    await assert.rejects(decodeAudio(wav), { name: "FormatError", message: /frame 69999 of channel 0 is NaN/ });
  });

  it("stops a decoder that shows no progress", async () => {
    await assert.rejects(decodeCompressed("vorbis", bytesOf("ogg"), { stallMs: 1 }), {
      name: "FormatError",
      message: /got stuck for 1 ms/,
    });
  });

  it("refuses to decode more samples than allowed", async () => {
    const allowed = await decodeCompressed("flac", bytesOf("flac"), { maxSamples: 24000 });
    assert.equal(allowed.channels[0]!.length, 24000);
    await assert.rejects(decodeCompressed("flac", bytesOf("flac"), { maxSamples: 23999 }), {
      code: "ERR_LMSPT_UNSUPPORTED",
      message: /more than 23999 samples.*encodeFile/,
    });
  });

  it("rejects with the signal's reason, before and during the work", async () => {
    const reason = new Error("enough");
    for (const input of [bytesOf("wav"), bytesOf("flac")]) {
      await assert.rejects(decodeAudio(input, { signal: AbortSignal.abort(reason) }), reason);
    }
    const controller = new AbortController();
    const long = decodeAudio(longMp3(), { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 20);
    await assert.rejects(long, reason);
    const wavController = new AbortController();
    const wav = decodeAudio(fixture("speech.wav"), { signal: wavController.signal });
    setImmediate(() => wavController.abort(reason));
    await assert.rejects(wav, reason);
  });

  it("keeps the event loop free", async () => {
    const input = longMp3();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const started = Date.now();
    const audio = await decodeAudio(input);
    clearInterval(timer);
    assert.ok(audio.channels[0]!.length > 299 * 24000);
    assert.ok(ticks > (Date.now() - started) / 20, `${ticks} ticks in ${Date.now() - started} ms`);
  });

  it("refuses what is neither a path nor bytes", async () => {
    const wrong = [1, 2, 3] as unknown as Uint8Array;
    await assert.rejects(decodeAudio(wrong), { code: "ERR_LMSPT_INVALID_ARGUMENT" });
    await assert.rejects(decodeAudio(fixture("missing.flac")), { code: "ERR_LMSPT_IO", message: /missing\.flac/ });
  });

  it("prints nothing, though the decoders do", () => {
    const damagedFlac = resealOgg(bytesOf("oga").fill(0x55, 5000, 5100));
    const script = `
      const { decodeAudio } = require(${JSON.stringify(require.resolve("../../lib/audio/decode.js"))});
      const chunks = [];
      process.stdin.on("data", (chunk) => chunks.push(chunk));
      process.stdin.on("end", () => decodeAudio(Buffer.concat(chunks)).then(() => process.exit(1), () => process.exit(9)));
    `;
    const child = spawnSync(process.execPath, ["-e", script], { input: damagedFlac, encoding: "utf8" });
    assert.deepEqual([child.status, child.stdout, child.stderr], [9, "", ""]);
  });
});

describe("loadAudio", () => {
  it("mixes several channels as downmix does", async () => {
    const audio = await loadAudio(fixture("pcm16-3channels.wav"));
    assert.deepEqual(audio, downmix(decodeWav(readFileSync(fixture("pcm16-3channels.wav")))));
  });

  it("gives mono from compressed files", async () => {
    assert.deepEqual(await loadAudio(fixture("speech-1s.flac")), { samples: source.channels[0], sampleRate: 24000 });
  });

  it("accepts an empty WAV file", async () => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, "empty.wav");
      writeFileSync(path, encodeWav({ samples: new Float32Array(0), sampleRate: 16000 }));
      assert.deepEqual(await loadAudio(path), { samples: new Float32Array(0), sampleRate: 16000 });
    });
  });
});

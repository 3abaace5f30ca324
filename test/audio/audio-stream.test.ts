import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openAudio } from "../../lib/audio/audio-stream.js";
import { loadAudio } from "../../lib/audio/decode.js";
import { encodeWav } from "../../lib/audio/wav.js";
import { fixture, inTemporaryFolder } from "./support.js";

const EXTENSIONS = ["wav", "flac", "oga", "mp3", "ogg", "opus"];

async function readAll(input: string | Uint8Array): Promise<{ samples: Float32Array; sampleRate: number }> {
  await using stream = await openAudio(input);
  const blocks: Float32Array[] = [];
  for await (const block of stream.blocks()) blocks.push(block);
  const samples = Float32Array.from(blocks.flatMap((block) => [...block]));
  assert.equal(stream.seconds, samples.length / stream.sampleRate, "the length is known at the end");
  return { samples, sampleRate: stream.sampleRate };
}

describe("openAudio", function () {
  this.timeout(30_000);

  for (const extension of EXTENSIONS) {
    it(`reads .${extension} in blocks as loadAudio reads it whole, from a path and from bytes`, async () => {
      const path = fixture(`speech-1s.${extension}`);
      const whole = await loadAudio(path);
      assert.deepEqual(await readAll(path), whole);
      assert.deepEqual(await readAll(new Uint8Array(readFileSync(path))), whole);
    });
  }

  it("reads several blocks, mixes channels, and an empty file", async () => {
    assert.deepEqual(await readAll(fixture("speech.wav")), await loadAudio(fixture("speech.wav")));
    assert.deepEqual(await readAll(fixture("pcm16-3channels.wav")), await loadAudio(fixture("pcm16-3channels.wav")));
    const empty = encodeWav({ samples: new Float32Array(0), sampleRate: 16000 });
    assert.deepEqual(await readAll(empty), { samples: new Float32Array(0), sampleRate: 16000 });
  });

  it("reads a compressed file of many blocks, and estimates its length on the way", async () => {
    const one = new Uint8Array(readFileSync(fixture("speech-1s.mp3")));
    const long = new Uint8Array(40 * one.length);
    for (let i = 0; i < 40; i++) long.set(one, i * one.length);
    await using stream = await openAudio(long);
    let blocks = 0;
    for await (const block of stream.blocks()) {
      assert(block.length < 200_000);
      assert(Math.abs(stream.seconds - 40) < 4, `${stream.seconds} s`);
      blocks++;
    }
    assert(blocks > 5);
  });

  it("reports damage where it is reached, after the sound before it", async () => {
    const flac = new Uint8Array(readFileSync(fixture("speech-1s.flac")));
    const read = async (bytes: Uint8Array) => {
      await using stream = await openAudio(bytes);
      for await (const block of stream.blocks()) assert(block.length > 0);
    };
    await assert.rejects(read(flac.subarray(0, flac.length / 2)), { name: "FormatError", message: /is damaged/ });
    await assert.rejects(openAudio(new Uint8Array(3)), { code: "ERR_LMSPT_FORMAT" });
    const wav = encodeWav({ samples: new Float32Array(70_000), sampleRate: 8000 }, { encoding: "float32" });
    new DataView(wav.buffer).setFloat32(wav.length - 4, Number.NaN, true);
    await assert.rejects(read(wav), { name: "FormatError", message: /frame 69999 of channel 0 is NaN/ });
  });

  it("lets go of the file when it is left early, closed or aborted", async () => {
    await inTemporaryFolder(async (folder) => {
      for (const extension of EXTENSIONS) {
        const path = join(folder, `a.${extension}`);
        writeFileSync(path, readFileSync(fixture(`speech-1s.${extension}`)));
        const left = await openAudio(path);
        for await (const block of left.blocks()) {
          assert(block.length > 0);
          break;
        }
        await left.close();
        const closed = await openAudio(path);
        await closed.close();
        await closed.close();
        const controller = new AbortController();
        const aborted = await openAudio(path, { signal: controller.signal });
        const reason = new Error("enough");
        controller.abort(reason);
        const rest = async () => {
          for await (const block of aborted.blocks()) assert(block);
        };
        await assert.rejects(rest(), (error) => error === reason, extension);
        await aborted.close();
      }
    });
  });
});

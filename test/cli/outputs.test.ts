import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { decodeWav } from "../../lib/audio/wav.js";
import { writeSpeech } from "../../lib/cli/outputs.js";
import { writeWhole } from "../../lib/io/atomic-file.js";
import { temporaryFolder, tree } from "./support.js";

describe("outputs", () => {
  const at = temporaryFolder();
  const { signal } = new AbortController();
  const speech = { samples: new Float32Array(600_000).map((_, n) => Math.sin(n) / 2), sampleRate: 24000 };

  it("hold what was given", async () => {
    await writeWhole(at("bytes"), Uint8Array.of(1, 2, 3), signal);
    await writeSpeech(at("speech.wav"), speech, { encoding: "float32", signal });
    assert.deepEqual(await readFile(at("bytes")), Buffer.of(1, 2, 3));
    assert.deepEqual(decodeWav(await readFile(at("speech.wav"))).channels, [speech.samples]);
    assert.deepEqual(await tree(at()), ["bytes", "speech.wav"]);
  });

  it("stay as they were when they are aborted", async () => {
    await writeFile(at("bytes"), "before");
    await writeFile(at("speech.wav"), "before");
    const reason = new Error("enough");
    const aborted = AbortSignal.abort(reason);
    await assert.rejects(writeWhole(at("bytes"), Uint8Array.of(1), aborted), reason);
    await assert.rejects(writeSpeech(at("speech.wav"), speech, { encoding: "pcm16", signal: aborted }), reason);
    assert.deepEqual(await tree(at()), ["bytes", "speech.wav"]);
    assert.equal(await readFile(at("bytes"), "utf8"), "before");
    assert.equal(await readFile(at("speech.wav"), "utf8"), "before");
  });
});

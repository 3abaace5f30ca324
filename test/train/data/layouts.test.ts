import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { describeSource, loadCorpus, loadSource } from "../../../lib/train/data/index.js";
import { fixture } from "../../audio/support.js";
import { temporaryFolder } from "../../cli/support.js";
import { tarOf } from "../../data/tar-files.js";

describe("layouts of corpora", function () {
  this.timeout(20_000);
  const inside = temporaryFolder();

  async function lay(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(inside(name)), { recursive: true });
      await writeFile(inside(name), content);
    }
    return inside("");
  }

  /** Entries with their place below the folder. */
  async function entriesOf(...paths: string[]) {
    const entries = await loadCorpus(paths);
    return entries.map(({ source, ...facts }) => [
      describeSource(source).slice(inside("").length).replace(/^\//, ""),
      facts,
    ]);
  }

  it("LibriSpeech: transcripts beside the files, the speaker in the name", async () => {
    const folder = await lay({
      "train/103/1240/103-1240.trans.txt": "103-1240-0000 CHAPTER ONE\n103-1240-0001 MISSUS LYNDE\n",
      "train/103/1240/103-1240-0000.flac": "",
      "train/103/1240/103-1240-0001.flac": "",
      "train/103/1240/103-1240-0002.flac": "",
    });
    assert.deepEqual(await entriesOf(folder), [
      ["train/103/1240/103-1240-0000.flac", { text: "CHAPTER ONE", speaker: "103" }],
      ["train/103/1240/103-1240-0001.flac", { text: "MISSUS LYNDE", speaker: "103" }],
      ["train/103/1240/103-1240-0002.flac", {}],
    ]);
  });

  it("LJSpeech: metadata.csv, the text as it is read", async () => {
    const folder = await lay({
      "lj/metadata.csv": "LJ001-0001|In 1455,|in fourteen fifty-five,\nLJ001-0002|as printed|\n",
      "lj/wavs/LJ001-0001.wav": "",
      "lj/wavs/LJ001-0002.wav": "",
    });
    assert.deepEqual(await entriesOf(folder), [
      ["lj/wavs/LJ001-0001.wav", { text: "in fourteen fifty-five," }],
      ["lj/wavs/LJ001-0002.wav", { text: "as printed" }],
    ]);
    await lay({ "lj/metadata.csv": "LJ001-0001\n" });
    await assert.rejects(loadCorpus([folder]), { code: "ERR_LMSPT_FORMAT", message: /metadata\.csv:1: expected NAME/ });
  });

  it("VCTK: texts in a tree of their own, one for all microphones", async () => {
    const folder = await lay({
      "txt/p225/p225_001.txt": "Please call Stella.\n",
      "wav48_silence_trimmed/p225/p225_001_mic1.flac": "",
      "wav48_silence_trimmed/p225/p225_001_mic2.flac": "",
      "wav48_silence_trimmed/p225/p225_002_mic1.flac": "",
    });
    const said = { text: "Please call Stella.", speaker: "p225" };
    assert.deepEqual(await entriesOf(folder), [
      ["wav48_silence_trimmed/p225/p225_001_mic1.flac", said],
      ["wav48_silence_trimmed/p225/p225_001_mic2.flac", said],
      ["wav48_silence_trimmed/p225/p225_002_mic1.flac", { speaker: "p225" }],
    ]);
  });

  it("JSONL: the words of several toolkits; pieces of files are refused", async () => {
    await lay({
      "a.jsonl":
        '{"audio":"x.wav","text":"one","voice":"slt","language":"en","duration":1.5}\n' +
        '{"audio_filepath":"sub/y.wav","transcript":"two","speaker_id":"7","offset":0}\n',
      "b.jsonl": '{"audio":"x.wav","offset":3.5}\n',
    });
    assert.deepEqual(await entriesOf(inside("a.jsonl")), [
      ["x.wav", { text: "one", speaker: "slt", language: "en", seconds: 1.5 }],
      ["sub/y.wav", { text: "two", speaker: "7" }],
    ]);
    await assert.rejects(loadCorpus([inside("b.jsonl")]), {
      code: "ERR_LMSPT_UNSUPPORTED",
      message: /b\.jsonl:1.*3\.5 s/,
    });
  });

  it("Kaldi: text, utt2dur, utt2spk and utt2lang beside wav.scp, named itself or by its folder", async () => {
    const folder = await lay({
      "kaldi/wav.scp": "u1 ../x.wav\nu2 y.wav\n",
      "kaldi/text": "u1 hello there\n",
      "kaldi/utt2dur": "u1 1.25\nu2 2\n",
      "kaldi/utt2spk": "u1 anna\nu2 bert\n",
      "kaldi/utt2lang": "u2 de\n",
    });
    const expected = [
      ["x.wav", { text: "hello there", speaker: "anna", seconds: 1.25 }],
      ["kaldi/y.wav", { speaker: "bert", language: "de", seconds: 2 }],
    ];
    assert.deepEqual(await entriesOf(inside("kaldi", "wav.scp")), expected);
    assert.deepEqual(await entriesOf(folder), expected);
    await lay({ "kaldi/utt2dur": "u1 long\n" });
    await assert.rejects(loadCorpus([folder]), { code: "ERR_LMSPT_FORMAT", message: /utt2dur:1: expected seconds/ });
    await lay({ "kaldi/segments": "u1 u1 0 1\n" });
    await assert.rejects(loadCorpus([folder]), { code: "ERR_LMSPT_UNSUPPORTED", message: /segments/ });
  });

  it("tar shards: facts beside the sound, read where they lie", async () => {
    const mp3 = await readFile(fixture("speech-1s.mp3"));
    const wav = await readFile(fixture("speech-1s.wav"));
    const folder = await lay({
      "shards/a.tar": tarOf([
        { name: "000.json", bytes: Buffer.from('{"text":"hi","speaker":"s1","language":"en","duration":1.0}') },
        { name: "000.mp3", bytes: mp3 },
        { name: "dir/001.wav", bytes: wav },
        { name: "dir/001.txt", bytes: Buffer.from("there\n") },
      ]),
    });
    assert.deepEqual(await entriesOf(folder), [
      ["shards/a.tar: 000.mp3", { text: "hi", speaker: "s1", language: "en", seconds: 1 }],
      ["shards/a.tar: dir/001.wav", { text: "there" }],
    ]);
    const [first, second] = await loadCorpus([inside("shards", "a.tar")]);
    const { samples } = await loadSource(second!.source);
    assert.deepEqual(samples, (await loadSource({ path: fixture("speech-1s.wav") })).samples);
    assert.equal((await loadSource(first!.source)).sampleRate, 24000);
    await lay({
      "shards/a.tar": tarOf([
        { name: "a.json", bytes: Buffer.from("{") },
        { name: "a.wav", bytes: wav },
      ]),
    });
    await assert.rejects(loadCorpus([folder]), { code: "ERR_LMSPT_FORMAT", message: /a\.tar: a\.json/ });
  });
});

/**
 * The folder of a made corpus: `audio/`, a manifest for each split, `make-speech.json` with what it was made from, and a
 * hidden journal of the files that are done.
 */
import { type FileHandle, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { WavReader } from "../../lib/audio/wav-reader.js";
import { readSealedLines, sealLine } from "../../lib/data/sealed-lines.js";
import { writeWhole } from "../../lib/io/atomic-file.js";
import { statIfPresent } from "../../lib/io/system-errors.js";
import type { PlannedSentence, Split } from "./plan.js";

const SETTINGS_NAME = "make-speech.json";
const JOURNAL_NAME = ".make-speech.jsonl";
/** Quieter speech is taken for a failure of the synthesiser; full scale is 1. */
const QUIETEST = 0.01;

/** What the content of a folder follows from, with the length left out. */
export interface CorpusSettings {
  readonly seed: number;
  /** Versions of the synthesisers. */
  readonly synthesisers: Readonly<Record<string, string>>;
  readonly voices: readonly string[];
}

export class CorpusFolder implements AsyncDisposable {
  private constructor(
    readonly path: string,
    /** Seconds of the files that are done, by number. */
    readonly done: Map<number, number>,
    private readonly journal: FileHandle,
  ) {}

  /** @throws Error where the folder holds a corpus that was made from other settings */
  static async open(path: string, settings: CorpusSettings): Promise<CorpusFolder> {
    await mkdir(path, { recursive: true });
    const settingsPath = join(path, SETTINGS_NAME);
    const text = `${JSON.stringify(settings, undefined, 2)}\n`;
    if (await statIfPresent(settingsPath)) {
      if ((await readFile(settingsPath, "utf8")) !== text) {
        throw new Error(`${path} holds speech of another seed, other voices or versions; choose another folder`);
      }
    } else await writeWhole(settingsPath, text);
    const journalPath = join(path, JOURNAL_NAME);
    const bytes = (await statIfPresent(journalPath)) ? await readFile(journalPath) : Buffer.alloc(0);
    const done = new Map<number, number>();
    for (const { value } of readSealedLines(bytes)) if (value) done.set(Number(value.number), Number(value.seconds));
    const journal = await open(journalPath, "a");
    // A line that was never finished must not take the next one with it.
    if (bytes.length > 0 && bytes.at(-1) !== 0x0a) await journal.appendFile("\n");
    return new CorpusFolder(path, done, journal);
  }

  /** Whether a file is there, whole. */
  async has({ number }: PlannedSentence): Promise<boolean> {
    return this.done.has(number) && (await statIfPresent(join(this.path, audioName(number)))) !== undefined;
  }

  /** Lets `write` make the file of a sentence, which then appears whole. */
  async add({ number, voice, text }: PlannedSentence, write: (path: string) => Promise<void>): Promise<void> {
    const path = join(this.path, audioName(number));
    const partial = `${path}.partial`;
    await mkdir(dirname(path), { recursive: true });
    try {
      await write(partial);
      const seconds = await checkSpeech(partial, `${voice.name} on "${text}"`);
      await this.journal.appendFile(sealLine({ number, seconds }));
      await rename(partial, path);
      this.done.set(number, seconds);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
  }

  /** Writes the manifest of a split. */
  async writeManifest(split: Split, sentences: readonly PlannedSentence[]): Promise<void> {
    const lines = sentences
      .filter((sentence) => sentence.split === split)
      .map(({ number, text, voice, language }) => {
        const duration = this.done.get(number)!;
        return `${JSON.stringify({ audio: audioName(number), text, voice: voice.name, language, duration })}\n`;
      });
    await writeWhole(join(this.path, `${split}.jsonl`), lines.join(""));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.journal.close();
  }
}

/** Its length in seconds. @throws Error where there is nothing to hear */
async function checkSpeech(path: string, what: string): Promise<number> {
  await using reader = await WavReader.open(path);
  const { frames, sampleRate } = reader.format;
  const [samples] = await reader.read(0, frames);
  const peak = samples!.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  if (peak < QUIETEST) throw new Error(`Expected speech of ${what}, got ${frames} samples with a peak of ${peak}`);
  return frames / sampleRate;
}

function audioName(number: number): string {
  const digits = String(number).padStart(7, "0");
  return `audio/${digits.slice(0, -3)}/${digits}.wav`;
}

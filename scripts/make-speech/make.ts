/** Makes a corpus, or what is missing of it. */
import { forEachAhead } from "../../lib/cli/ahead.js";
import { CorpusFolder } from "./corpus-folder.js";
import { type PlannedSentence, SPLITS } from "./plan.js";
import { requireVoices, speak } from "./synthesisers.js";
import type { Voice } from "./voices.js";

export interface MakeOptions {
  readonly out: string;
  readonly seed: number;
  readonly voices: readonly Voice[];
  /** From `planCorpus` with the same seed and voices. */
  readonly sentences: readonly PlannedSentence[];
  /** Processes that speak at the same time. */
  readonly jobs: number;
  readonly signal?: AbortSignal;
  onProgress?(done: MadeSpeech): void;
}

/** What is there so far. */
export interface MadeSpeech {
  readonly sentences: number;
  readonly seconds: number;
  /** What this call made of it. */
  readonly newSeconds: number;
}

/** The manifests are written when all is there. @throws Error where a synthesiser or a voice is missing, or fails */
export async function makeSpeech(options: MakeOptions): Promise<MadeSpeech> {
  const { out, seed, voices, sentences, jobs, signal, onProgress } = options;
  const settings = { seed, synthesisers: await requireVoices(voices), voices: voices.map(({ name }) => name) };
  await using folder = await CorpusFolder.open(out, settings);
  const made = { sentences: 0, seconds: 0, newSeconds: 0 };
  await forEachAhead(sentences, { most: jobs }, async (sentence) => {
    signal?.throwIfAborted();
    const isNew = !(await folder.has(sentence));
    if (isNew) await folder.add(sentence, (path) => speak(sentence, path));
    const seconds = folder.done.get(sentence.number)!;
    made.sentences++;
    made.seconds += seconds;
    if (isNew) made.newSeconds += seconds;
    onProgress?.(made);
  });
  for (const split of SPLITS) await folder.writeManifest(split, sentences);
  return made;
}

/** Makes the index of a corpus, or completes one that was begun. */
import { type FileHandle, open, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { LmsptError } from "../../../errors.js";
import { writeWhole } from "../../../io/atomic-file.js";
import { explainIo, statIfPresent } from "../../../io/system-errors.js";
import { type AudioSource, describeSource } from "../audio-source.js";
import { type CorpusEntry, loadCorpus } from "../corpus.js";
import { TaskPool } from "../task-pool.js";
import {
  type Finding,
  formatRecording,
  INDEX_HEAD,
  type IndexedRecording,
  isCorpusIndex,
  readCorpusIndex,
  type SoundFacts,
} from "./corpus-index.js";

export interface PrepareOptions {
  /** The index. */
  readonly out: string;
  /** Threads that decode. */
  readonly workers: number;
  readonly signal?: AbortSignal;
  onProgress?(summary: PrepareSummary): void;
}

export interface PrepareSummary {
  /** Recordings of the corpus, those that were dealt with so far, and how many of these an earlier run had read. */
  readonly total: number;
  readonly done: number;
  readonly known: number;
  /** Of all that can be read. */
  readonly seconds: number;
  readonly withText: number;
  /** Those that cannot be read, and why. */
  readonly broken: readonly { readonly name: string; readonly problem: string }[];
}

/**
 * Reads every recording once and writes what it is into the index, which appears when it is complete. While it is made, a
 * journal beside it (`.partial`) keeps what is done, so that a rerun goes on from there; what did not change since an
 * earlier index is not read again. @throws as `loadCorpus` does; `signal.reason` on abort
 */
export async function prepareCorpus(paths: readonly string[], options: PrepareOptions): Promise<PrepareSummary> {
  const { workers, signal } = options;
  const out = resolve(options.out);
  await requireOwn(out);
  const entries = await loadCorpus(paths);
  const journalPath = `${out}.partial`;
  const earlier = await readEarlier([out, journalPath]);
  const journal = await openJournal(journalPath);
  const pool = new TaskPool<AudioSource, SoundFacts>("prepare/prepare-worker.js", workers);
  const summary = {
    total: entries.length,
    done: 0,
    known: 0,
    seconds: 0,
    withText: 0,
    broken: [] as { name: string; problem: string }[],
  };
  const recordings: IndexedRecording[] = new Array(entries.length);
  const identities = new Identities();

  const dealWith = async (entry: CorpusEntry, place: number) => {
    const identity = await identities.of(entry.source.path);
    const before = earlier.get(describeSource(entry.source));
    const isKnown = before !== undefined && before.identity === identity;
    const finding = isKnown ? before.finding : await find(pool, entry.source, signal);
    const recording = { entry, identity, finding };
    recordings[place] = recording;
    if (isKnown) summary.known++;
    else await journal.appendFile(formatRecording(recording, dirname(out)));
    summary.done++;
    if ("problem" in finding) summary.broken.push({ name: describeSource(entry.source), problem: finding.problem });
    else summary.seconds += finding.seconds;
    if (entry.text !== undefined) summary.withText++;
    options.onProgress?.(summary);
  };

  try {
    let next = 0;
    // Two for each thread, so that none waits for the next.
    const lanes = Array.from({ length: 2 * workers }, async () => {
      while (next < entries.length) {
        signal?.throwIfAborted();
        const place = next++;
        await dealWith(entries[place]!, place);
      }
    });
    await Promise.all(lanes);
  } finally {
    await pool.close();
    await journal.close();
  }
  const lines = recordings.map((recording) => formatRecording(recording, dirname(out)));
  await writeWhole(out, INDEX_HEAD + lines.join(""));
  await rm(journalPath, { force: true });
  return summary;
}

async function find(
  pool: TaskPool<AudioSource, SoundFacts>,
  source: AudioSource,
  signal?: AbortSignal,
): Promise<Finding> {
  try {
    return await pool.run(source);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof LmsptError && error.code === "ERR_LMSPT_FORMAT") return { problem: error.message };
    throw error;
  }
}

/** An index may be replaced, nothing else. */
async function requireOwn(out: string): Promise<void> {
  if ((await explainIo(`Cannot look at ${out}`, () => statIfPresent(out))) === undefined) return;
  if (await isCorpusIndex(out)) return;
  throw new LmsptError(
    "ERR_LMSPT_IO",
    `${out} exists already and is no index that lmspt prepare made; choose another name`,
  );
}

async function readEarlier(paths: readonly string[]): Promise<Map<string, IndexedRecording>> {
  const earlier = new Map<string, IndexedRecording>();
  for (const path of paths) {
    if (!(await isCorpusIndex(path))) continue;
    const { recordings } = await readCorpusIndex(path, { lenient: true });
    for (const recording of recordings) earlier.set(describeSource(recording.entry.source), recording);
  }
  return earlier;
}

async function openJournal(path: string): Promise<FileHandle> {
  return explainIo(`Cannot write ${path}`, async () => {
    const isBegun = await isCorpusIndex(path);
    const file = await open(path, isBegun ? "a" : "w");
    // An unfinished last line must not take the next one with it.
    await file.appendFile(isBegun ? "\n" : INDEX_HEAD);
    return file;
  });
}

/** Sizes and times of change; a file that holds many recordings is looked at once. */
class Identities {
  private lastPath = "";
  private last: Promise<string> = Promise.resolve("");

  of(path: string): Promise<string> {
    if (path === this.lastPath) return this.last;
    this.lastPath = path;
    this.last = identityOf(path);
    return this.last;
  }
}

async function identityOf(path: string): Promise<string> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  return stats ? `${stats.size} bytes, changed ${stats.mtimeNs}` : "not there";
}

/** Transcripts as LibriSpeech, LJSpeech and VCTK lay them: found by what lies in a folder, looked up by a file's path. */
import { basename, dirname, extname, join, relative, sep } from "node:path";
import { FormatError } from "../../../errors.js";
import { isFile } from "../../../io/system-errors.js";
import type { CorpusEntry } from "../corpus.js";
import { readLines, readText } from "./lines.js";

export type Facts = Pick<CorpusEntry, "text" | "speaker" | "language">;

/** What is known of the file at a path; undefined where nothing is. */
export type Transcripts = (path: string) => Promise<Facts | undefined>;

/** The transcripts that a folder with files and folders of these names holds, for what lies in it and below. */
export async function findTranscripts(folder: string, names: readonly string[]): Promise<Transcripts[]> {
  const found: Transcripts[] = [];
  for (const name of names.filter((name) => name.endsWith(".trans.txt"))) {
    found.push(await libriSpeech(join(folder, name)));
  }
  if (names.includes("metadata.csv") && names.includes("wavs")) found.push(await ljSpeech(folder));
  if (names.includes("txt") && names.some((name) => name.startsWith("wav48"))) found.push(vctk(folder));
  return found;
}

/** Lines `103-1240-0000 WORDS`, for `103-1240-0000.flac` beside them; the speaker is the first number. */
async function libriSpeech(path: string): Promise<Transcripts> {
  const texts = new Map<string, string>();
  for (const { line, place } of await readLines(path)) {
    const match = /^(\S+)\s+(.*\S)\s*$/.exec(line);
    if (!match) throw new FormatError(`${place}: expected an utterance's name and its words, got ${line}`);
    texts.set(match[1]!, match[2]!);
  }
  return async (file) => {
    const name = stem(file);
    const text = dirname(file) === dirname(path) ? texts.get(name) : undefined;
    return text === undefined ? undefined : { text, speaker: name.split("-")[0]! };
  };
}

/** Lines `LJ001-0001|as printed|as read`, for files in `wavs`. */
async function ljSpeech(folder: string): Promise<Transcripts> {
  const texts = new Map<string, string>();
  for (const { line, place } of await readLines(join(folder, "metadata.csv"))) {
    const [name, printed, read] = line.split("|");
    const text = (read ?? "").trim() || printed?.trim();
    if (!name || !text) throw new FormatError(`${place}: expected NAME|TEXT|TEXT AS READ, got ${line}`);
    texts.set(name, text);
  }
  return async (file) => {
    const text = dirname(file) === join(folder, "wavs") ? texts.get(stem(file)) : undefined;
    return text === undefined ? undefined : { text };
  };
}

/** The text of a recording `p225/p225_001.wav` below wav48, or of `p225_001_mic1.flac`, lies in `txt/p225/p225_001.txt`. */
function vctk(folder: string): Transcripts {
  return async (file) => {
    const [top, speaker, ...rest] = relative(folder, file).split(sep);
    if (!top?.startsWith("wav48") || speaker === undefined || rest.length !== 1) return undefined;
    const text = join(folder, "txt", speaker, `${stem(file).replace(/_mic\d$/, "")}.txt`);
    return (await isFile(text)) ? { text: (await readText(text)).trim(), speaker } : { speaker };
  };
}

function stem(path: string): string {
  return basename(path, extname(path));
}

/**
 * The index of a corpus: a log of sealed lines, the first of which tells what it is. Each of the others is a recording
 * with its length, rate, channels and SHA-256 or, for one that cannot be read, the reason.
 */
import { open, readFile } from "node:fs/promises";
import { dirname, relative, resolve, sep } from "node:path";
import { readSealedLines, sealLine } from "../../../data/sealed-lines.js";
import { FormatError, LmsptError } from "../../../errors.js";
import { explainIo, isFile } from "../../../io/system-errors.js";
import type { CorpusEntry } from "../corpus.js";
import { defined } from "../layouts/manifest.js";

const FORMAT = "lmspt-corpus";
const VERSION = 1;
const MAGIC = `{"format":"${FORMAT}"`;

/** What was found out about a recording. */
export type Finding = SoundFacts | { readonly problem: string };

export interface SoundFacts {
  readonly seconds: number;
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: number;
  /** Of its bytes, in hexadecimal digits. */
  readonly sha256: string;
}

/** A line of an index. */
export interface IndexedRecording {
  readonly entry: CorpusEntry;
  /** Of the file when it was read: its size and time of change. */
  readonly identity: string;
  readonly finding: Finding;
}

export interface CorpusIndex {
  readonly recordings: readonly IndexedRecording[];
  /** Those that can be read, with their length. */
  readonly entries: CorpusEntry[];
}

export const INDEX_HEAD = sealLine({ format: FORMAT, version: VERSION });

/** Whether a file begins as an index does. */
export async function isCorpusIndex(path: string): Promise<boolean> {
  if (!(await isFile(path))) return false;
  return explainIo(`Cannot read ${path}`, async () => {
    await using file = await open(path, "r");
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
    return buffer.subarray(0, bytesRead).toString("latin1") === MAGIC;
  });
}

/**
 * @throws FormatError with the line where one is damaged, unless `lenient` passes over them; LmsptError ERR_LMSPT_IO,
 * ERR_LMSPT_UNSUPPORTED for another version
 */
export async function readCorpusIndex(path: string, { lenient = false } = {}): Promise<CorpusIndex> {
  const bytes = await explainIo(`Cannot read ${path}`, () => readFile(path));
  const recordings: IndexedRecording[] = [];
  for (const { number, value } of readSealedLines(bytes)) {
    if (number === 1) requireVersion(path, value);
    else if (value) recordings.push(parseRecording(value, dirname(path)));
    else if (!lenient) throw new FormatError(`${path}:${number} is damaged; make the index again with lmspt prepare`);
  }
  if (!lenient && bytes.at(-1) !== 0x0a) throw new FormatError(`${path} is cut off; make it again with lmspt prepare`);
  const entries = recordings.flatMap(({ entry, finding }) => {
    return "problem" in finding ? [] : [{ ...entry, seconds: finding.seconds }];
  });
  return { recordings, entries };
}

/** The line of a recording in an index in `folder`; paths count from there. */
export function formatRecording({ entry, identity, finding }: IndexedRecording, folder: string): string {
  const { source, text, speaker, language } = entry;
  const { path, part } = source;
  const audio = relative(folder, path).replaceAll(sep, "/");
  const place = part && { member: part.name, offset: part.offset, bytes: part.bytes };
  const facts =
    "problem" in finding
      ? finding
      : {
          duration: finding.seconds,
          sample_rate: finding.sampleRate,
          channels: finding.channels,
          sha256: finding.sha256,
        };
  return sealLine(defined({ audio, ...place, text, speaker, language, ...facts, identity }));
}

function parseRecording(fields: Readonly<Record<string, unknown>>, folder: string): IndexedRecording {
  const { audio, member, offset, bytes, text, speaker, language, identity } = fields as Record<string, string>;
  const part = member === undefined ? undefined : { name: member, offset: Number(offset), bytes: Number(bytes) };
  const source = defined({ path: resolve(folder, audio!), part });
  const finding: Finding =
    typeof fields.problem === "string"
      ? { problem: fields.problem }
      : {
          seconds: Number(fields.duration),
          sampleRate: Number(fields.sample_rate),
          channels: Number(fields.channels),
          sha256: String(fields.sha256),
        };
  return { entry: defined({ source, text, speaker, language }), identity: identity!, finding };
}

function requireVersion(path: string, head: Readonly<Record<string, unknown>> | undefined): void {
  if (head?.format !== FORMAT) throw new FormatError(`Expected an index that lmspt prepare made at ${path}`);
  if (head.version === VERSION) return;
  throw new LmsptError(
    "ERR_LMSPT_UNSUPPORTED",
    `${path} is an index of version ${head.version}, this lmspt reads version ${VERSION}; make it again`,
  );
}

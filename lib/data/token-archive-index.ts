/** The index of a token archive, as docs/token-archive.md specifies it: a header line, then one line for every entry. */
import { setImmediate } from "node:timers/promises";
import { FormatError, invalidArgument, LmsptError } from "../errors.js";
import { readSealedLines, type SealedLine, sealLine } from "./sealed-lines.js";
import { requireInteger, samplesPerFrame, type TokenSpec, validateTokenSpec } from "./tokens.js";

/** One stream of tokens in an archive, and where it lies. */
export interface TokenArchiveEntry {
  /** A relative path with forward slashes, such as `speaker/7-12`. */
  readonly name: string;
  /** True length of the audio in samples at the archive's sample rate. */
  readonly samples: number;
  /** Number of the shard, from 0 on. */
  readonly shard: number;
  /** Of its token file in the shard. */
  readonly offset: number;
  readonly bytes: number;
  /** What the writer noted about the origin, for telling whether it changed. */
  readonly source?: string;
}

/** What an index says. */
export interface TokenArchiveIndex {
  readonly spec: TokenSpec;
  /** By name, in the order of the first mention; a later line replaces an earlier one of the same name. */
  readonly entries: ReadonlyMap<string, TokenArchiveEntry>;
  /** The bytes of the index that are finished lines. */
  readonly finishedBytes: number;
  /** The highest shard that a line mentions, and the bytes of it that entries fill. */
  readonly lastShard: { readonly number: number; readonly bytes: number };
  /** Damaged lines, counted from 1. Empty unless they were asked to be passed over. */
  readonly damagedLines: readonly number[];
}

export const INDEX_NAME = "index.jsonl";

const FORMAT = "lmspt token archive";
const VERSION = 1;
export const LAST_SHARD = 99999;
const LONGEST_NAME = 1024;
const LONGEST_SOURCE = 1024;
const LINES_AT_ONCE = 2000;

/** `tokens-00000.lmspts` and so on. */
export function shardName(shard: number): string {
  return `tokens-${String(shard).padStart(5, "0")}.lmspts`;
}

export function isShardName(name: string): boolean {
  return /^tokens-\d{5}\.lmspts$/.test(name);
}

export function formatHeader(spec: TokenSpec): string {
  const { semanticCodebooks, acousticCodebooks, semanticCodebookSize, acousticCodebookSize } = spec;
  const { sampleRate, frameRate, model } = spec;
  const codebooks = { semanticCodebooks, acousticCodebooks, semanticCodebookSize, acousticCodebookSize };
  return sealLine({ format: FORMAT, version: VERSION, ...codebooks, sampleRate, frameRate, model });
}

export function formatEntry({ name, samples, shard, offset, bytes, source }: TokenArchiveEntry): string {
  return sealLine({ name, samples, shard, offset, bytes, source });
}

/** Whether `head`, the first bytes of a file (or all, where it has few), begins an index. */
export function beginsIndex(head: Uint8Array): boolean {
  const start = Buffer.from(`{"format":"${FORMAT}"`);
  const bytes = Math.min(start.length, head.length);
  return bytes > 0 && start.subarray(0, bytes).equals(head.subarray(0, bytes));
}

/**
 * Reads an index. `recover` passes over damaged lines. The event loop has its turn on the way.
 * @throws FormatError with the offset in the index; LmsptError ERR_LMSPT_UNSUPPORTED (newer version); signal.reason
 */
export async function parseIndex(
  bytes: Uint8Array,
  { recover = false, signal }: { recover?: boolean; signal?: AbortSignal } = {},
): Promise<TokenArchiveIndex> {
  const lines = readSealedLines(bytes);
  const header = lines.next().value ?? undefined;
  const spec = parseHeader(header);
  const entries = new Map<string, TokenArchiveEntry>();
  const damagedLines: number[] = [];
  let finishedBytes = header!.end;
  let lastShard = { number: 0, bytes: 0 };
  for (const line of lines) {
    if (line.number % LINES_AT_ONCE === 0) await setImmediate();
    signal?.throwIfAborted();
    finishedBytes = line.end;
    try {
      const entry = parseEntry(line);
      entries.set(entry.name, entry);
      const { number, bytes } = lastShard;
      const end = entry.offset + entry.bytes;
      if (entry.shard > number) lastShard = { number: entry.shard, bytes: end };
      else if (entry.shard === number) lastShard = { number, bytes: Math.max(bytes, end) };
    } catch (error) {
      if (!recover) throw error;
      damagedLines.push(line.number);
    }
  }
  return { spec, entries, finishedBytes, lastShard, damagedLines };
}

function parseHeader(line: SealedLine | undefined): TokenSpec {
  if (line === undefined) throw new FormatError("The index of the token archive has no finished line", 0);
  const { format, version, ...spec } = line.value ?? {};
  if (format !== FORMAT) throw new FormatError("Not the index of a token archive, or its first line is damaged", 0);
  if (version !== VERSION) {
    const message = `The token archive has format version ${version}, this program reads version ${VERSION}; update lmspt`;
    throw new LmsptError("ERR_LMSPT_UNSUPPORTED", message);
  }
  return explained(line, () => {
    validateTokenSpec(spec as unknown as TokenSpec, "header");
    return spec as unknown as TokenSpec;
  });
}

function parseEntry(line: SealedLine): TokenArchiveEntry {
  const { value } = line;
  if (value === undefined) {
    throw new FormatError(`Line ${line.number} of the token archive's index is damaged`, line.offset);
  }
  return explained(line, () => {
    const { name, samples, shard, offset, bytes, source } = value as unknown as TokenArchiveEntry;
    const entry = { name, samples, shard, offset, bytes, source };
    validateEntry(entry);
    return entry;
  });
}

function validateEntry({ name, samples, shard, offset, bytes, source }: TokenArchiveEntry): void {
  requireEntryName(name);
  requireInteger(samples, 0, Number.MAX_SAFE_INTEGER, "samples");
  requireInteger(shard, 0, LAST_SHARD, "shard");
  requireInteger(bytes, 1, 2 ** 31 - 1, "bytes");
  requireInteger(offset, 0, Number.MAX_SAFE_INTEGER - bytes, "offset");
  requireSource(source);
}

function explained<T>(line: SealedLine, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const place = `Line ${line.number} of the token archive's index`;
    throw new FormatError(`${place} is not valid: ${(error as Error).message}`, line.offset, { cause: error });
  }
}

/**
 * Names have to be safe as relative paths: parts between single slashes, none of them `.` or `..`, no backslash or
 * control character, valid Unicode, at most 1024 bytes. @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT
 */
export function requireEntryName(name: unknown): void {
  const isName =
    typeof name === "string" &&
    Buffer.byteLength(name) <= LONGEST_NAME &&
    !/[\p{Cc}\p{Cs}\\]/u.test(name) &&
    name.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  if (isName) return;
  const expected = 'a relative path with single forward slashes, without "..", backslashes or control characters,';
  throw invalidArgument("the name of an entry", expected, typeof name === "string" ? name.slice(0, 100) : name);
}

export function requireSource(source: unknown): void {
  if (source === undefined || (typeof source === "string" && source.length <= LONGEST_SOURCE)) return;
  throw invalidArgument("the source of an entry", `a string of at most ${LONGEST_SOURCE} characters`, source);
}

/** Frames of an entry. */
export function entryFrames(entry: TokenArchiveEntry, spec: TokenSpec): number {
  return Math.ceil(entry.samples / samplesPerFrame(spec));
}

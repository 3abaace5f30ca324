import { join } from "node:path";
import { A_PATH, AN_ABORT_SIGNAL, checkOptions, requireKind, TRUE_OR_FALSE } from "../arguments.js";
import { FormatError, invalidArgument } from "../errors.js";
import { FileBytes } from "../io/file-bytes.js";
import { isFile } from "../io/system-errors.js";
import {
  beginsIndex,
  entryFrames,
  INDEX_NAME,
  parseIndex,
  shardName,
  type TokenArchiveEntry,
  type TokenArchiveIndex,
} from "./token-archive-index.js";
import { decodeTokenFile } from "./token-file.js";
import { requireSameSpec, type TokenSpec, type Tokens } from "./tokens.js";

/** Bytes at the start of an index that tell what it is. */
const HEAD_BYTES = 64;

/** Tokens out of an archive, with their name. */
export interface TokenArchiveItem {
  readonly name: string;
  readonly tokens: Tokens;
}

/**
 * Many streams of tokens in one folder, by name: see docs/token-archive.md. Opening reads the index; what is added
 * afterwards is not seen. Tokens are read when they are asked for, and no file stays open, so there is nothing to close.
 * Iterating gives all of them in the order in which they lie on the disk.
 */
export class TokenArchive implements AsyncIterable<TokenArchiveItem> {
  private constructor(
    readonly folder: string,
    private readonly index: TokenArchiveIndex,
  ) {}

  /**
   * Opens the archive in a folder. With `recover: true` damaged lines of the index are passed over: see `damagedLines`.
   * @throws FormatError with the offset in the index; LmsptError ERR_LMSPT_IO, ERR_LMSPT_UNSUPPORTED (newer version)
   */
  static async open(folder: string, options: { recover?: boolean; signal?: AbortSignal } = {}): Promise<TokenArchive> {
    requireKind("the folder", A_PATH, folder);
    checkOptions(options, { recover: TRUE_OR_FALSE, signal: AN_ABORT_SIGNAL });
    const file = await FileBytes.open(join(folder, INDEX_NAME));
    try {
      return new TokenArchive(folder, await parseIndex(await file.read(0, file.size), options));
    } finally {
      await file.close();
    }
  }

  /** Whether a folder holds a token archive, intact or not. @throws LmsptError ERR_LMSPT_IO */
  static async isArchive(folder: string): Promise<boolean> {
    requireKind("the folder", A_PATH, folder);
    const path = join(folder, INDEX_NAME);
    if (!(await isFile(path))) return false;
    const file = await FileBytes.open(path);
    try {
      return beginsIndex(await file.read(0, HEAD_BYTES));
    } finally {
      await file.close();
    }
  }

  /** What all tokens in the archive have in common. */
  get spec(): TokenSpec {
    return this.index.spec;
  }

  /** Number of entries. */
  get size(): number {
    return this.index.entries.size;
  }

  /** All entries in the order in which they lie on the disk. */
  get entries(): readonly TokenArchiveEntry[] {
    return [...this.index.entries.values()].sort((a, b) => a.shard - b.shard || a.offset - b.offset);
  }

  /** Lines of the index that cannot be read, counted from 1. Empty unless it was opened with `recover`. */
  get damagedLines(): readonly number[] {
    return this.index.damagedLines;
  }

  /** The entry of that name, or undefined. */
  entry(name: string): TokenArchiveEntry | undefined {
    return this.index.entries.get(name);
  }

  /**
   * The tokens of that name. @throws FormatError with the offset in the shard; LmsptError ERR_LMSPT_INVALID_ARGUMENT
   * where there is no such entry, ERR_LMSPT_IO
   */
  async get(name: string): Promise<Tokens> {
    const entry = this.entry(name);
    if (entry === undefined) throw invalidArgument("name", `the name of one of ${this.size} entries`, name);
    const shard = join(this.folder, shardName(entry.shard));
    const file = await FileBytes.open(shard);
    try {
      const bytes = await file.read(entry.offset, entry.bytes);
      return decodeEntry(bytes, entry, this.spec);
    } catch (error) {
      throw error instanceof FormatError ? placed(error, entry, shard) : error;
    } finally {
      await file.close();
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TokenArchiveItem, void, void> {
    for (const { name } of this.entries) yield { name, tokens: await this.get(name) };
  }
}

function decodeEntry(bytes: Uint8Array, entry: TokenArchiveEntry, spec: TokenSpec): Tokens {
  if (bytes.length < entry.bytes) throw new FormatError("The shard is cut off", bytes.length);
  const tokens = decodeTokenFile(bytes);
  try {
    requireSameSpec(spec, tokens);
  } catch (error) {
    throw new FormatError(`The entry is not what the archive holds: ${(error as Error).message}`, 0, { cause: error });
  }
  if (tokens.samples !== entry.samples) {
    const message = `The entry has ${tokens.samples} samples and ${tokens.frames} frames, but the index says`;
    throw new FormatError(`${message} ${entry.samples} and ${entryFrames(entry, spec)}`, 0);
  }
  return tokens;
}

/** The error with the entry's name and the place in the shard. */
function placed(error: FormatError, { name, offset }: TokenArchiveEntry, shard: string): FormatError {
  const message = error.message.replace(/ \(at byte \d+\)$/, "");
  return new FormatError(`${name} in ${shard}: ${message}`, offset + (error.offset ?? 0), { cause: error });
}

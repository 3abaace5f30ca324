import { type FileHandle, mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { A_PATH, AN_ABORT_SIGNAL, checkOptions, requireKind } from "../arguments.js";
import { FormatError, LmsptError } from "../errors.js";
import { explainIo, statIfPresent } from "../io/system-errors.js";
import {
  beginsIndex,
  formatEntry,
  formatHeader,
  INDEX_NAME,
  isShardName,
  parseIndex,
  requireEntryName,
  requireSource,
  shardName,
  type TokenArchiveEntry,
  type TokenArchiveIndex,
} from "./token-archive-index.js";
import { GrowingShard } from "./token-archive-shard.js";
import { encodeTokenFile } from "./token-file.js";
import { requireInteger, requireSameSpec, type TokenSpec, type Tokens, validateTokenSpec } from "./tokens.js";

const DEFAULT_SHARD_BYTES = 256e6;
const SMALLEST_SHARD_BYTES = 4096;

/** An entry that waits to be written. */
interface Waiting {
  readonly name: string;
  readonly samples: number;
  readonly source: string | undefined;
  readonly bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Adds to a token archive, or begins one: see docs/token-archive.md. An entry counts from the moment when its line in the
 * index is on the disk, after its tokens; a program that dies leaves all finished entries and nothing of the others. One
 * writer at a time. Several calls of `append` may be under way; they share the waiting for the disk.
 */
export class TokenArchiveWriter implements AsyncDisposable {
  private readonly entries: Map<string, TokenArchiveEntry>;
  private waiting: Waiting[] = [];
  private working: Promise<void> | undefined;
  private failure: unknown;
  private closed = false;

  private constructor(
    readonly folder: string,
    readonly spec: TokenSpec,
    private readonly shardBytes: number,
    private readonly index: FileHandle,
    private shard: GrowingShard,
    entries: ReadonlyMap<string, TokenArchiveEntry>,
  ) {
    this.entries = new Map(entries);
  }

  /**
   * Opens the archive in `folder` for adding, and makes both where they are missing. What a writer that died left
   * unfinished is removed. A shard takes no more entries once it has `shardBytes` (4096 or more, 256 MB by default).
   * @throws LmsptError ERR_LMSPT_MODEL where the archive holds tokens of another spec, ERR_LMSPT_INVALID_ARGUMENT,
   * ERR_LMSPT_IO; FormatError where the archive is damaged
   */
  static async open(
    folder: string,
    spec: TokenSpec,
    options: { shardBytes?: number; signal?: AbortSignal } = {},
  ): Promise<TokenArchiveWriter> {
    requireKind("the folder", A_PATH, folder);
    const { shardBytes = DEFAULT_SHARD_BYTES, signal } = checkOptions(options, { signal: AN_ABORT_SIGNAL });
    validateTokenSpec(spec);
    requireInteger(shardBytes, SMALLEST_SHARD_BYTES, Number.MAX_SAFE_INTEGER, "shardBytes");
    return explainIo(`Cannot write the token archive ${folder}`, async () => {
      await mkdir(folder, { recursive: true });
      const found = await readIndex(folder, signal);
      if (found) requireSpec(found.spec, spec, folder);
      const lastShard = found?.lastShard ?? { number: 0, bytes: 0 };
      await removeShardsAfter(folder, lastShard.number);
      const index = await openIndex(folder, spec, found);
      try {
        const shard = await GrowingShard.open(folder, lastShard);
        return new TokenArchiveWriter(folder, { ...spec }, shardBytes, index, shard, found?.entries ?? new Map());
      } catch (error) {
        await index.close();
        throw error;
      }
    });
  }

  /** Number of finished entries, those of before included. */
  get size(): number {
    return this.entries.size;
  }

  /** The finished entry of that name, or undefined. */
  entry(name: string): TokenArchiveEntry | undefined {
    return this.entries.get(name);
  }

  /**
   * Adds tokens under a name, and resolves when they are safe on the disk. An entry that has the name already is
   * replaced; its bytes stay in the shard, unused. `source` is any text of up to 1024 characters that tells the origin.
   * @throws LmsptError ERR_LMSPT_INVALID_ARGUMENT, ERR_LMSPT_IO (the writer takes no more then), ERR_LMSPT_CLOSED
   */
  async append(name: string, tokens: Tokens, options: { source?: string } = {}): Promise<void> {
    const { source } = checkOptions(options);
    if (this.closed) throw new LmsptError("ERR_LMSPT_CLOSED", `The writer of the archive ${this.folder} is closed`);
    if (this.failure !== undefined) throw this.failure;
    requireEntryName(name);
    requireSource(source);
    const bytes = encodeTokenFile(tokens);
    requireSameSpec(this.spec, tokens);
    await new Promise<void>((resolve, reject) => {
      this.waiting.push({ name, samples: tokens.samples, source, bytes, resolve, reject });
      this.working ??= this.work();
    });
  }

  /** Finishes what is under way and closes the files. May be called twice. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.working;
    await this.shard.close();
    await this.index.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Writes all that waits, as long as something does; whatever comes while the disk is waited for goes together. */
  private async work(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting;
      this.waiting = [];
      try {
        if (this.failure !== undefined) throw this.failure;
        await explainIo(`Cannot write the token archive ${this.folder}`, () => this.write(batch));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        // What is on the disk is known no more; the next writer finds out.
        this.failure ??= error;
        for (const { reject } of batch) reject(error);
      }
    }
    this.working = undefined;
  }

  private async write(batch: readonly Waiting[]): Promise<void> {
    const added: TokenArchiveEntry[] = [];
    for (const { name, samples, source, bytes } of batch) {
      if (this.shard.bytes >= this.shardBytes) await this.beginShard();
      const shard = this.shard.number;
      added.push({ name, samples, shard, offset: await this.shard.append(bytes), bytes: bytes.length, source });
    }
    await this.shard.sync();
    await this.index.appendFile(added.map(formatEntry).join(""));
    await this.index.datasync();
    for (const entry of added) this.entries.set(entry.name, entry);
  }

  private async beginShard(): Promise<void> {
    await this.shard.sync();
    const next = await GrowingShard.open(this.folder, { number: this.shard.number + 1, bytes: 0 });
    await this.shard.close();
    this.shard = next;
  }
}

/** The index of an archive; undefined where there is none, or its writer died before its first line was finished. */
async function readIndex(folder: string, signal?: AbortSignal): Promise<TokenArchiveIndex | undefined> {
  const path = join(folder, INDEX_NAME);
  const bytes = (await statIfPresent(path)) ? await readFile(path) : Buffer.alloc(0);
  if (bytes.length > 0 && (bytes.includes("\n") || !beginsIndex(bytes))) return parseIndex(bytes, { signal });
  const shard = (await readdir(folder)).find(isShardName);
  if (shard === undefined) return undefined;
  throw new FormatError(`${folder} holds the shard ${shard} but no index of it; choose another folder`);
}

/** Removes shards of which no line tells: their writer died before their first entry was finished. */
async function removeShardsAfter(folder: string, last: number): Promise<void> {
  for (const name of await readdir(folder)) {
    if (isShardName(name) && name > shardName(last)) await rm(join(folder, name));
  }
}

/** The index, open for adding, without an unfinished last line. */
async function openIndex(folder: string, spec: TokenSpec, found: TokenArchiveIndex | undefined): Promise<FileHandle> {
  const file = await open(join(folder, INDEX_NAME), "a");
  try {
    await file.truncate(found?.finishedBytes ?? 0);
    if (!found) await file.appendFile(formatHeader(spec));
    await file.datasync();
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

function requireSpec(existing: TokenSpec, wanted: TokenSpec, folder: string): void {
  for (const field of Object.keys(wanted) as (keyof TokenSpec)[]) {
    if (existing[field] === wanted[field]) continue;
    throw new LmsptError(
      "ERR_LMSPT_MODEL",
      `Expected tokens with the ${field} ${existing[field]}, like the archive ${folder} has, but their ${field} is ` +
        `${wanted[field]}; write them into another archive`,
    );
  }
}

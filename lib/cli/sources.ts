/** Where the input of a job comes from, and how to tell later whether it is still the same. */
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import type { TokenArchive } from "../data/token-archive.js";
import type { TokenArchiveEntry } from "../data/token-archive-index.js";
import { explainIo } from "../io/system-errors.js";

export interface SourceFacts {
  /** Size, for ordering. */
  readonly bytes: number;
  /** Roughly the bytes that it takes in memory as samples. */
  readonly memory: number;
  /** Equal as long as the input is the same. */
  readonly identity: string;
}

export interface Source {
  /** For people. */
  readonly path: string;
  /** Kinds of inputs whose sizes can be compared. */
  readonly kind: string;
  facts(): Promise<SourceFacts>;
}

/** Bytes of samples that come out of a byte of a file, at most, for files as they usually are. */
const EXPANSION: Readonly<Record<string, number>> = { ".wav": 2, ".flac": 6, ".lmspt": 640, ".json": 200, ".npy": 120 };
const COMPRESSED_EXPANSION = 60;

/** A file; its identity is its size and the time of its last change. */
export class FileSource implements Source {
  constructor(readonly path: string) {}

  get kind(): string {
    return extname(this.path).toLowerCase();
  }

  async facts(): Promise<SourceFacts> {
    const { size, mtimeNs } = await explainIo(`Cannot read ${this.path}`, () => stat(this.path, { bigint: true }));
    const bytes = Number(size);
    const memory = bytes * (EXPANSION[this.kind] ?? COMPRESSED_EXPANSION);
    return { bytes, memory, identity: `${size} bytes, changed ${mtimeNs}` };
  }
}

/** An entry of a token archive; its identity is its place and origin. */
export class ArchiveSource implements Source {
  readonly kind = "archive";

  constructor(
    readonly archive: TokenArchive,
    readonly entry: TokenArchiveEntry,
  ) {}

  get path(): string {
    return `${this.archive.folder}: ${this.entry.name}`;
  }

  async facts(): Promise<SourceFacts> {
    const { samples, shard, offset, bytes, source } = this.entry;
    const place = `shard ${shard}, bytes ${offset} to ${offset + bytes}`;
    return { bytes, memory: samples * 4, identity: `${place}, from ${source ?? "nothing known"}` };
  }
}

/** Reading and atomically writing files, with the system's errors wrapped in LmsptError ERR_LMSPT_IO. */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { LmsptError } from "../errors.js";

/** Awaits a file operation; `action` completes the sentence "Could not ...". */
async function fileOperation<T>(action: string, operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    throw new LmsptError("ERR_LMSPT_IO", `Could not ${action}: ${(error as Error).message}`, { cause: error });
  }
}

const MOST_BYTES_PER_CALL = 2 ** 30;

/** Random access to the bytes of a file that is open for reading. */
export class FileBytes {
  private constructor(
    readonly path: string,
    readonly size: number,
    private readonly handle: FileHandle,
  ) {}

  static async open(path: string): Promise<FileBytes> {
    const handle = await fileOperation(`open ${path}`, open(path, "r"));
    try {
      const { size } = await fileOperation(`read ${path}`, handle.stat());
      return new FileBytes(path, size, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** `length` bytes at `offset`, or those that there are. Nothing larger than the file is allocated. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(length, this.size - offset));
    return fileOperation(`read ${this.path}`, readFully(this.handle, offset, allocate(wanted)));
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

/** Fills `target` from byte `offset` on and returns the part of it that the file could fill. */
async function readFully(handle: FileHandle, offset: number, target: Uint8Array): Promise<Uint8Array> {
  let filled = 0;
  while (filled < target.length) {
    const length = Math.min(target.length - filled, MOST_BYTES_PER_CALL);
    const { bytesRead } = await handle.read(target, filled, length, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return target.subarray(0, filled);
}

function allocate(bytes: number): Uint8Array {
  try {
    return new Uint8Array(bytes);
  } catch (error) {
    throw new LmsptError("ERR_LMSPT_OUT_OF_MEMORY", `Could not allocate ${bytes} bytes`, { cause: error });
  }
}

/**
 * A file that appears under its name only when it is complete: it is written to a temporary file beside it, which
 * `commit` syncs and renames and `discard` removes.
 */
export class AtomicFile {
  private constructor(
    readonly path: string,
    private readonly temporaryPath: string,
    private readonly handle: FileHandle,
  ) {}

  static async create(path: string): Promise<AtomicFile> {
    const temporaryPath = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
    return new AtomicFile(path, temporaryPath, await fileOperation(`create ${path}`, open(temporaryPath, "wx")));
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    for (let written = 0; written < bytes.length; ) {
      const length = Math.min(bytes.length - written, MOST_BYTES_PER_CALL);
      const writing = this.handle.write(bytes, written, length, offset + written);
      written += (await fileOperation(`write ${this.path}`, writing)).bytesWritten;
    }
  }

  /** Puts the file in its place, durably. On failure the temporary file is removed. */
  async commit(): Promise<void> {
    try {
      await fileOperation(`write ${this.path}`, this.handle.sync());
      await fileOperation(`write ${this.path}`, this.handle.close());
      await fileOperation(`write ${this.path}`, rename(this.temporaryPath, this.path));
    } catch (error) {
      await this.discard();
      throw error;
    }
    await syncFolder(dirname(this.path));
  }

  /** Removes the temporary file; what stood at `path` before is untouched. */
  async discard(): Promise<void> {
    await this.handle.close();
    await fileOperation(`remove ${this.temporaryPath}`, rm(this.temporaryPath, { force: true }));
  }
}

/** Makes a rename durable. Windows cannot open folders and needs no such step. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const folder = await fileOperation(`open ${path}`, open(path, "r"));
  try {
    await fileOperation(`sync ${path}`, folder.sync());
  } finally {
    await folder.close();
  }
}

import { randomBytes } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { A_PATH, requireKind } from "../arguments.js";
import { LmsptError } from "../errors.js";

/** A file that appears under its name only when it is complete: it is written beside it, synced, and then renamed. */
export class AtomicFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #temporary: string;

  private constructor(path: string, handle: FileHandle, temporary: string) {
    this.path = path;
    this.#handle = handle;
    this.#temporary = temporary;
  }

  /** Creates the temporary file. Throws LmsptError `ERR_LMSPT_IO`. */
  static async create(path: string): Promise<AtomicFile> {
    requireKind("the file", A_PATH, path);
    const temporary = `${path}.${randomBytes(6).toString("hex")}.partial`;
    try {
      return new AtomicFile(path, await open(temporary, "wx"), temporary);
    } catch (cause) {
      throw writeError(path, cause);
    }
  }

  /** Writes all the bytes at an offset. Throws LmsptError `ERR_LMSPT_IO`. */
  async write(bytes: Uint8Array, offset: number): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, offset + done);
        done += bytesWritten;
      }
    } catch (cause) {
      throw writeError(this.path, cause);
    }
  }

  /** Syncs the file and gives it its name. On failure nothing is left behind. Throws LmsptError `ERR_LMSPT_IO`. */
  async commit(): Promise<void> {
    try {
      await this.#handle.sync();
      await this.#handle.close();
      await rename(this.#temporary, this.path);
    } catch (cause) {
      await this.discard();
      throw writeError(this.path, cause);
    }
    if (process.platform !== "win32") await syncFolder(dirname(this.path));
  }

  /** Removes the temporary file. Never throws. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => {});
    await rm(this.#temporary, { force: true }).catch(() => {});
  }
}

/** Writes a whole file. Throws LmsptError `ERR_LMSPT_IO`, or `signal.reason` on abort. */
export async function writeWhole(path: string, content: Uint8Array | string, signal?: AbortSignal): Promise<void> {
  const file = await AtomicFile.create(path);
  try {
    await file.write(typeof content === "string" ? Buffer.from(content) : content, 0);
    signal?.throwIfAborted();
  } catch (error) {
    await file.discard();
    throw error;
  }
  await file.commit();
}

/** Writes a line of text, or several, as a whole file. Throws LmsptError `ERR_LMSPT_IO`. */
export function writeText(path: string, text: string): Promise<void> {
  return writeWhole(path, `${text}\n`);
}

/** Makes a rename durable. Some file systems cannot sync a folder; the file itself is complete all the same. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

function writeError(path: string, cause: unknown): LmsptError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new LmsptError("ERR_LMSPT_IO", `Cannot write ${path}: ${reason}`, { cause });
}

/** Random access to the bytes of a file, with the system's errors wrapped. */

import { type FileHandle, open, stat } from "node:fs/promises";
import { A_PATH, requireKind } from "../arguments.js";
import { LmsptError } from "../errors.js";
import { explainIo } from "./system-errors.js";

const MOST_BYTES_PER_CALL = 2 ** 30;

/** A regular file that is open for reading. Throws ERR_LMSPT_IO. */
export class FileBytes {
  private constructor(
    readonly path: string,
    /** Length in bytes when it was opened. */
    readonly size: number,
    private readonly handle: FileHandle,
  ) {}

  static async open(path: string): Promise<FileBytes> {
    requireKind("the file", A_PATH, path);
    return explainIo(`Cannot read ${path}`, async () => {
      // Asked before opening, because opening a pipe waits for its writer.
      if (!(await stat(path)).isFile()) {
        throw new LmsptError(
          "ERR_LMSPT_IO",
          `Cannot read ${path}: it is not a regular file; read it yourself and pass its bytes`,
        );
      }
      const handle = await open(path, "r");
      try {
        return new FileBytes(path, (await handle.stat()).size, handle);
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  /** `length` bytes at `offset`, or those that there are. Nothing larger than the file is allocated. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const target = allocate(Math.max(0, Math.min(length, this.size - offset)));
    return explainIo(`Cannot read ${this.path}`, () => readFully(this.handle, offset, target));
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
    throw new LmsptError("ERR_LMSPT_OUT_OF_MEMORY", `${bytes} bytes do not fit into memory; read less at once`, {
      cause: error,
    });
  }
}

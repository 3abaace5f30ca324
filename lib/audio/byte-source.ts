import type { FileHandle } from "node:fs/promises";
import { open, stat } from "node:fs/promises";
import { FormatError, LmsptError } from "../errors.js";

/** Bytes of known length that can be read anywhere: a file or a buffer. */
export interface ByteSource {
  /** Length in bytes. */
  readonly size: number;
  /** Reads exactly `length` bytes; the range must lie inside [0, size]. The result may share memory with the source. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Gives the file back; may be called again. */
  close(): Promise<void>;
}

/** A buffer as a source; nothing is copied. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    close: async () => {},
  };
}

/**
 * Opens a file for reading.
 *
 * @throws LmsptError `ERR_LMSPT_IO` when it cannot be opened or is not a regular file.
 */
export async function openFileSource(path: string): Promise<ByteSource> {
  const file = await openRegularFile(path);
  let closing: Promise<void> | undefined;
  return {
    size: file.size,
    read: (offset, length) => readExactly(file.handle, path, offset, length),
    close: () => {
      closing ??= file.handle.close();
      return closing;
    },
  };
}

async function openRegularFile(path: string): Promise<{ handle: FileHandle; size: number }> {
  let handle: FileHandle | undefined;
  try {
    // Asked before opening, because opening a pipe waits for its writer.
    if (!(await stat(path)).isFile()) throw new Error("not a regular file; read it yourself and pass its bytes");
    handle = await open(path, "r");
    return { handle, size: (await handle.stat()).size };
  } catch (cause) {
    await handle?.close();
    throw readError(path, cause);
  }
}

async function readExactly(handle: FileHandle, path: string, offset: number, length: number): Promise<Uint8Array> {
  const bytes = allocateBytes(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle
      .read(bytes, filled, Math.min(length - filled, 2 ** 30), offset + filled)
      .catch((cause: unknown) => {
        throw readError(path, cause);
      });
    if (bytesRead === 0) throw new FormatError(`${path} became shorter while it was read`, offset + filled);
    filled += bytesRead;
  }
  return bytes;
}

function allocateBytes(length: number): Uint8Array {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new LmsptError("ERR_LMSPT_OUT_OF_MEMORY", `${length} bytes do not fit into memory; read less at once`, {
      cause,
    });
  }
}

function readError(path: string, cause: unknown): LmsptError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new LmsptError("ERR_LMSPT_IO", `Cannot read ${path}: ${reason}`, { cause });
}

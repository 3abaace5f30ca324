import { A_UINT8_ARRAY, AN_OBJECT, type Kind, requireKind } from "../arguments.js";
import { FormatError, invalidArgument } from "../errors.js";
import { FileBytes } from "../io/file-bytes.js";

/** Bytes of known length that can be read anywhere: a file or a buffer. */
export interface ByteSource {
  /** Length in bytes. */
  readonly size: number;
  /** Reads exactly `length` bytes; the range must lie inside [0, size]. The result may share memory with the source. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Gives the file back; may be called again. */
  close(): Promise<void>;
}

/** To check that an argument is one. */
export const A_BYTE_SOURCE: Kind = {
  expected: "a ByteSource (size, read and close)",
  holds: (value) => AN_OBJECT.holds(value) && "size" in (value as object) && "read" in (value as object),
};

/** A buffer as a source; nothing is copied. */
export function memorySource(bytes: Uint8Array): ByteSource {
  requireKind("bytes", A_UINT8_ARRAY, bytes);
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
  const file = await FileBytes.open(path);
  let closing: Promise<void> | undefined;
  return {
    size: file.size,
    read: async (offset, length) => {
      const bytes = await file.read(offset, length);
      if (bytes.length < length)
        throw new FormatError(`${path} became shorter while it was read`, offset + bytes.length);
      return bytes;
    },
    close: () => {
      closing ??= file.close();
      return closing;
    },
  };
}

/** Opens a file by its path, or the bytes of one. @throws LmsptError `ERR_LMSPT_IO`, `ERR_LMSPT_INVALID_ARGUMENT` */
export async function openByteSource(input: string | Uint8Array): Promise<ByteSource> {
  if (typeof input === "string") return openFileSource(input);
  if (input instanceof Uint8Array) return memorySource(input);
  throw invalidArgument("input", "a path or a Uint8Array", input);
}

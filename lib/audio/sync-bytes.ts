/** Bytes that are read at once where they are needed; for threads of their own, which may wait for the disk. */
import { fstatSync, openSync, readSync } from "node:fs";
import { DamagedStream } from "./damaged-stream.js";

export interface SyncBytes {
  readonly size: number;
  /** The bytes [offset, offset + length), or those of them that there are. */
  read(offset: number, length: number): Uint8Array;
}

export function bytesInMemory(bytes: Uint8Array): SyncBytes {
  return { size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

/** The bytes of a file from `start` on. The end of the thread closes it. */
export function bytesOfFile(path: string, start: number): SyncBytes {
  const file = openSync(path, "r");
  const size = Math.max(0, fstatSync(file).size - start);
  return {
    size,
    read: (offset, length) => {
      const target = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      for (let done = 0; done < target.length; ) {
        const count = readSync(file, target, done, target.length - done, start + offset + done);
        if (count === 0) throw new DamagedStream("it became shorter while it was read", offset + done);
        done += count;
      }
      return target;
    },
  };
}

/** The first `size` bytes. */
export function firstBytes(bytes: SyncBytes, size: number): SyncBytes {
  return { size, read: (offset, length) => bytes.read(offset, Math.max(0, Math.min(length, size - offset))) };
}

/** `head`, and the bytes from `start` on after it. */
export function withHead(head: Uint8Array, bytes: SyncBytes, start: number): SyncBytes {
  const rest = (offset: number, length: number) => bytes.read(start + offset - head.length, length);
  return {
    size: head.length + bytes.size - start,
    read: (offset, length) => {
      if (offset >= head.length) return rest(offset, length);
      const inHead = head.subarray(offset, offset + length);
      const after = rest(head.length, length - inHead.length);
      const both = new Uint8Array(inHead.length + after.length);
      both.set(inHead);
      both.set(after, inHead.length);
      return both;
    },
  };
}

import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "../errors.js";
import { statIfPresent } from "../io/system-errors.js";
import { INDEX_NAME, LAST_SHARD, shardName } from "./token-archive-index.js";
import { requireInteger } from "./tokens.js";

/** The shard of an archive that is being added to. */
export class GrowingShard {
  private constructor(
    readonly number: number,
    private readonly file: FileHandle,
    private length: number,
  ) {}

  /**
   * Opens or makes a shard of which the first `bytes` bytes count; the rest is removed.
   * @throws FormatError where it has fewer bytes
   */
  static async open(folder: string, { number, bytes }: { number: number; bytes: number }): Promise<GrowingShard> {
    requireInteger(number, 0, LAST_SHARD, "the number of the shard");
    const path = join(folder, shardName(number));
    const size = (await statIfPresent(path))?.size;
    if ((size ?? 0) < bytes) {
      const remedy = `remove the lines of what is lost from ${INDEX_NAME}, or choose another folder`;
      throw new FormatError(`${path} is cut off: its entries need ${bytes} bytes; ${remedy}`, size ?? 0);
    }
    const file = await open(path, size === undefined ? "wx" : "r+");
    try {
      await file.truncate(bytes);
      return new GrowingShard(number, file, bytes);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Bytes so far. */
  get bytes(): number {
    return this.length;
  }

  /** Resolves to the place of the bytes. */
  async append(bytes: Uint8Array): Promise<number> {
    const offset = this.length;
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.file.write(bytes, done, bytes.length - done, offset + done);
      done += bytesWritten;
    }
    this.length += bytes.length;
    return offset;
  }

  sync(): Promise<void> {
    return this.file.datasync();
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

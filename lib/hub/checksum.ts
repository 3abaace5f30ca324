import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";

const SHA256_DIGITS = 64;
const READ_BYTES = 1 << 20;

/**
 * The checksum of the file `path` in the kind that `like` has: SHA-256 of the content for 64 hexadecimal digits, git's
 * SHA-1 of the blob for 40. Rejects with `signal.reason` on abort.
 */
export async function checksumLike(like: string, path: string, signal?: AbortSignal): Promise<string> {
  const hash = like.length === SHA256_DIGITS ? createHash("sha256") : await startGitBlobHash(path);
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) {
    signal?.throwIfAborted();
    hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}

async function startGitBlobHash(path: string) {
  const { size } = await stat(path);
  return createHash("sha1").update(`blob ${size}\0`);
}

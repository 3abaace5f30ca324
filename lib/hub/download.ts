import { isFile } from "../io/system-errors.js";
import { BlobDownload, type DownloadOptions } from "./blob.js";
import type { RepoCache } from "./cache.js";
import type { HubClient } from "./client.js";
import { withFileLock } from "./lock.js";
import type { HubFile } from "./reference.js";

/**
 * Downloads `file` into the cache and resolves with its commit and its path there. An interrupted download is resumed,
 * in this call or in a later one; a blob that is here already is not fetched again; nothing is put into place before its
 * checksum was verified. Rejects with `signal.reason` on abort (what arrived is kept), with ERR_LMSPT_MODEL when the hub
 * does not have the file, with ERR_LMSPT_DOWNLOAD when it refuses, cannot be reached or sends something else, and with
 * the operating system's error when the cache cannot be written.
 */
export async function downloadToCache(
  client: HubClient,
  cache: RepoCache,
  file: HubFile,
  options: DownloadOptions = {},
): Promise<{ commit: string; path: string }> {
  const remote = await client.describe(file, options.signal);
  const { commit, checksum } = remote;
  const blob = cache.blobPath(checksum);
  if (!(await isFile(blob))) {
    await withFileLock(cache.lockPath(checksum), options.signal, async () => {
      if (!(await isFile(blob))) await new BlobDownload(client, file, remote, blob, options).run();
    });
  }
  const path = await cache.publish(checksum, commit, file.file);
  await cache.setCommit(file.revision, commit);
  return { commit, path };
}

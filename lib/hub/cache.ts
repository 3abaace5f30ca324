import { randomUUID } from "node:crypto";
import { constants, copyFile, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { hasCode, isFile } from "../io/system-errors.js";

const COMMIT = /^[0-9a-f]{40}$/;

/**
 * One repository in the Hugging Face cache, in the layout that Python's huggingface_hub reads and writes:
 *
 *     models--owner--repo/refs/<revision>              the commit that a branch or tag named when it was last downloaded
 *     models--owner--repo/snapshots/<commit>/<file>    a relative link to a blob, or a copy of it
 *     models--owner--repo/blobs/<checksum>             content; `<checksum>.incomplete` while it is downloaded
 *     models--owner--repo/.no_exist/<commit>/<file>    the commit is known to lack this file
 *     .locks/models--owner--repo/                      who is downloading what
 */
export class RepoCache {
  readonly folder: string;
  readonly #locks: string;
  readonly #symlinks: boolean;

  constructor(cacheFolder: string, repo: string, symlinks: boolean) {
    const name = `models--${repo.replaceAll("/", "--")}`;
    this.folder = join(cacheFolder, name);
    this.#locks = join(cacheFolder, ".locks", name);
    this.#symlinks = symlinks;
  }

  blobPath(checksum: string): string {
    return join(this.folder, "blobs", checksum);
  }

  lockPath(checksum: string): string {
    return join(this.#locks, `${checksum}.download`);
  }

  snapshotPath(commit: string, file: string): string {
    return join(this.folder, "snapshots", commit, ...file.split("/"));
  }

  /** The commit that `revision` named when it was last downloaded; a full commit names itself. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (COMMIT.test(revision)) return revision;
    try {
      const commit = (await readFile(this.#refPath(revision), "utf8")).trim();
      return COMMIT.test(commit) ? commit : undefined;
    } catch (error) {
      if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    }
  }

  /** The path of a cached file, or undefined when its content is not here. */
  async find(commit: string, file: string): Promise<string | undefined> {
    const path = this.snapshotPath(commit, file);
    return (await isFile(path)) ? path : undefined;
  }

  /** Puts a downloaded blob into the snapshot of `commit` as `file` and returns its path there. */
  async publish(checksum: string, commit: string, file: string): Promise<string> {
    const blob = this.blobPath(checksum);
    const path = this.snapshotPath(commit, file);
    await replaceFile(path, (draft) =>
      this.#symlinks ? symlinkOrCopy(blob, draft) : copyFile(blob, draft, constants.COPYFILE_FICLONE),
    );
    return path;
  }

  /** Remembers which commit `revision` names. */
  async setCommit(revision: string, commit: string): Promise<void> {
    if (revision === commit || (await this.commitOf(revision)) === commit) return;
    await replaceFile(this.#refPath(revision), (draft) => writeFile(draft, commit));
  }

  isKnownAbsent(commit: string, file: string): Promise<boolean> {
    return isFile(this.#absencePath(commit, file));
  }

  /** Remembers that `commit` has no `file`, so that nobody needs to ask again. */
  async markAbsent(commit: string, file: string): Promise<void> {
    await replaceFile(this.#absencePath(commit, file), (draft) => writeFile(draft, ""));
  }

  #refPath(revision: string): string {
    return join(this.folder, "refs", ...revision.split("/"));
  }

  #absencePath(commit: string, file: string): string {
    return join(this.folder, ".no_exist", commit, ...file.split("/"));
  }
}

/** Makes a draft beside `path` and renames it into place, so that no reader ever sees half of it. */
async function replaceFile(path: string, makeDraft: (draft: string) => Promise<void>): Promise<void> {
  const draft = `${path}.${randomUUID().slice(0, 8)}.tmp`;
  await mkdir(dirname(path), { recursive: true });
  try {
    await makeDraft(draft);
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Links are refused by some file systems, and on Windows without developer mode. */
async function symlinkOrCopy(blob: string, path: string): Promise<void> {
  try {
    await symlink(relative(dirname(path), blob), path);
  } catch (error) {
    if (!hasCode(error, "EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "UNKNOWN")) throw error;
    await copyFile(blob, path, constants.COPYFILE_FICLONE);
  }
}

import { invalidArgument } from "../errors.js";

/** One file of one revision of a repository on the hub. */
export interface HubFile {
  /** `owner/repository`. */
  readonly repo: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** Path inside the repository, with forward slashes. */
  readonly file: string;
}

/** A hub name as a user writes it; without `file` the caller decides which file is meant. */
export type HubReference = Omit<HubFile, "file"> & { readonly file: string | undefined };

const HUB_SCHEME = "hf://";
const NAME = /^hf:\/\/([\w.-]+\/[\w.-]+)(?:@(refs\/(?:pr|convert)\/[^/@]+|[^/@]+))?(?:\/(.+))?$/;
const EXPECTED = '"hf://owner/repository", optionally with "@revision" and "/path/to/weights.safetensors",';

/** True when `name` is meant as a hub name, well formed or not. */
export function isHubName(name: string): boolean {
  return name.startsWith(HUB_SCHEME);
}

/**
 * Reads `hf://owner/repo[@revision][/file]`; the revision defaults to `main`, and one that holds slashes is written
 * with `%2F`. No part can point outside of the cache folder made for the repository.
 * Throws ERR_LMSPT_INVALID_ARGUMENT for anything else.
 */
export function parseHubName(name: string): HubReference {
  const [, repo, encodedRevision = "main", file] = NAME.exec(name) ?? [];
  const revision = decode(encodedRevision);
  const parts = [repo, revision, file ?? "file"];
  if (repo === undefined || repo.includes("--") || !parts.every((part) => part !== undefined && isPlainPath(part))) {
    throw invalidArgument("the model name", EXPECTED, name);
  }
  return { repo, revision: revision!, file };
}

/** The same file as `hf://owner/repo@revision/file`. */
export function formatHubName({ repo, revision, file }: HubFile): string {
  return `${HUB_SCHEME}${repo}@${encodeURIComponent(revision)}/${file}`;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Relative, made of ordinary names only, and spelt the same on every operating system. */
function isPlainPath(path: string): boolean {
  return path.split("/").every((part) => part !== "" && !/^\.+$/.test(part) && !/[\\:*?"<>|\p{Cc}]/u.test(part));
}

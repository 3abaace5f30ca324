import { posix } from "node:path";
import { LmsptError } from "../errors.js";
import { explainIo } from "../io/system-errors.js";
import type { DownloadOptions } from "./blob.js";
import { RepoCache } from "./cache.js";
import { HubClient } from "./client.js";
import { downloadToCache } from "./download.js";
import type { HubEnvironment } from "./environment.js";
import { CONFIG_FILE, type ModelFiles } from "./folder.js";
import { formatHubName, type HubFile } from "./reference.js";
import type { NetworkPolicy } from "./retry.js";
import { NotOnHubError } from "./status.js";

/** A model on the hub, and what is needed to get it. */
export interface RemoteModel extends DownloadOptions {
  readonly weights: HubFile;
  /** Whether to look for a `config.json` beside the weights. */
  readonly wantsConfig: boolean;
  readonly environment: HubEnvironment;
  readonly policy: NetworkPolicy;
  /** Places where the caller looked in vain, for the error message of offline mode. */
  readonly lookedIn: readonly string[];
}

/** Takes the files of a model from the cache, else downloads them, all from one commit. Errors as at `resolveModel`. */
export async function findRemoteModel(model: RemoteModel): Promise<ModelFiles & { weights: HubFile }> {
  const { environment, weights } = model;
  const cache = new RepoCache(environment.cacheFolder, weights.repo, environment.symlinks);
  return explainIo(
    `Cannot use the cache ${cache.folder} (make room or permit writing there, or set HF_HUB_CACHE to another folder)`,
    async () => {
      const { commit, path } = await findFile(model, cache, weights);
      const pinned = { ...weights, revision: commit };
      return { weights: pinned, weightsPath: path, configPath: await findConfig(model, cache, pinned) };
    },
  );
}

async function findConfig(model: RemoteModel, cache: RepoCache, weights: HubFile): Promise<string | undefined> {
  const config = { ...weights, file: posix.join(posix.dirname(weights.file), CONFIG_FILE) };
  if (!model.wantsConfig || (await cache.isKnownAbsent(config.revision, config.file))) return undefined;
  try {
    return (await findFile({ ...model, onProgress: undefined }, cache, config)).path;
  } catch (error) {
    if (!(error instanceof NotOnHubError)) throw error;
    await cache.markAbsent(config.revision, config.file);
    return undefined;
  }
}

async function findFile(
  model: RemoteModel,
  cache: RepoCache,
  file: HubFile,
): Promise<{ commit: string; path: string }> {
  const commit = await cache.commitOf(file.revision);
  const path = commit && (await cache.find(commit, file.file));
  if (commit && path) return { commit, path };
  if (model.environment.offline) throw offlineError(model, file, cache.snapshotPath(commit ?? "*", file.file));
  const client = await HubClient.open(model.environment, model.policy);
  return downloadToCache(client, cache, file, model);
}

function offlineError({ lookedIn }: RemoteModel, file: HubFile, cachePath: string): LmsptError {
  return new LmsptError(
    "ERR_LMSPT_DOWNLOAD",
    `HF_HUB_OFFLINE forbids downloading ${formatHubName(file)}, and it is not on this machine. Looked in: ` +
      `${[...lookedIn, cachePath].join(", ")}. Put it there, or unset HF_HUB_OFFLINE`,
  );
}

import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { LmsptError } from "../errors.js";

/** Everything that the environment decides about finding and downloading models. All paths are absolute. */
export interface HubEnvironment {
  /** Address of the hub, without a trailing slash (`HF_ENDPOINT`). */
  readonly endpoint: string;
  /** True when the network is forbidden (`HF_HUB_OFFLINE`). */
  readonly offline: boolean;
  /** The Hugging Face cache (`HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`). */
  readonly cacheFolder: string;
  /** False when snapshots must hold copies instead of links (`HF_HUB_DISABLE_SYMLINKS`). */
  readonly symlinks: boolean;
  /** The access token of `HF_TOKEN`. */
  readonly token: string | undefined;
  /** Where a token lies that was saved at log-in (`HF_TOKEN_PATH`), read when `token` is not set. */
  readonly tokenFile: string;
  /** Folders that hold preset models in subfolders, first match wins (`LMSPT_MODELS`, then `./models`). */
  readonly modelFolders: readonly string[];
}

/**
 * Reads the environment variables named at {@link HubEnvironment}; an empty variable counts as unset.
 * Throws ERR_LMSPT_INVALID_ARGUMENT when `HF_ENDPOINT` is not an http(s) address.
 */
export function readHubEnvironment(
  env: NodeJS.ProcessEnv = process.env,
  workingFolder: string = process.cwd(),
): HubEnvironment {
  const home = (process.platform === "win32" ? env.USERPROFILE : env.HOME) || homedir();
  const folder = (path: string) => resolve(workingFolder, path.replace(/^~(?=$|[/\\])/, home));

  const hfHome = folder(env.HF_HOME || join(env.XDG_CACHE_HOME || join(home, ".cache"), "huggingface"));
  const localModels = folder("models");
  return {
    endpoint: checkEndpoint(env.HF_ENDPOINT || "https://huggingface.co"),
    offline: isTrue(env.HF_HUB_OFFLINE),
    cacheFolder: folder(env.HF_HUB_CACHE || join(hfHome, "hub")),
    symlinks: !isTrue(env.HF_HUB_DISABLE_SYMLINKS),
    token: env.HF_TOKEN?.trim() || undefined,
    tokenFile: folder(env.HF_TOKEN_PATH || join(hfHome, "token")),
    modelFolders: env.LMSPT_MODELS ? [folder(env.LMSPT_MODELS), localModels] : [localModels],
  };
}

function isTrue(value: string | undefined): boolean {
  return /^(1|on|yes|true)$/i.test(value ?? "");
}

function checkEndpoint(endpoint: string): string {
  const protocol = URL.canParse(endpoint) ? new URL(endpoint).protocol : undefined;
  if (protocol === "http:" || protocol === "https:") return endpoint.replace(/\/+$/, "");
  throw new LmsptError(
    "ERR_LMSPT_INVALID_ARGUMENT",
    `Expected an http(s) address in HF_ENDPOINT but received ${JSON.stringify(endpoint)}`,
  );
}

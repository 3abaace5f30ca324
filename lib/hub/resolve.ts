import { basename, join, resolve } from "node:path";
import { invalidArgument, LmsptError } from "../errors.js";
import { packageRoot } from "../io/package-root.js";
import { explainIo, statIfPresent } from "../io/system-errors.js";
import type { ProgressListener } from "./blob.js";
import { readHubEnvironment } from "./environment.js";
import { findModelInFolder, type ModelFiles, modelAt, WEIGHTS_FILE, WEIGHTS_SUFFIX } from "./folder.js";
import {
  BUNDLED_MODEL,
  findPreset,
  findPresetByRepo,
  findPresetByWeights,
  type ModelLicence,
  PRESETS,
  type Preset,
} from "./presets.js";
import { formatHubName, type HubFile, isHubName, parseHubName } from "./reference.js";
import { findRemoteModel } from "./remote.js";
import { makeNetworkPolicy, type NetworkPolicy } from "./retry.js";

/** Where a model was found. */
export interface ResolvedModel extends ModelFiles {
  readonly kind: "folder";
  /** The preset that these weights belong to; its built-in configuration holds where `configPath` is undefined. */
  readonly preset: string | undefined;
  /** Terms to be stated to the user, where they are known. */
  readonly licence: ModelLicence | undefined;
  /** For people: the path that was named or found, or `hf://owner/repo@commit/file`. */
  readonly source: string;
}

/** Options of {@link resolveModel}. */
export interface ResolveOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called while the weights are downloaded; never called when they are here already. */
  readonly onProgress?: ProgressListener | undefined;
  /** Environment variables to obey; `process.env` by default. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Folder that relative paths start from; `process.cwd()` by default. */
  readonly workingFolder?: string | undefined;
  /** Retries and time-outs that differ from the default policy. */
  readonly network?: Partial<NetworkPolicy> | undefined;
}

/**
 * Finds the files of the model `name`, and downloads them where they are not on this machine:
 *
 * - the bundled model's name: in this package;
 * - a preset name: from `$LMSPT_MODELS/<preset>` or `./models/<preset>`, else from the hub;
 * - `hf://owner/repo[@revision][/file]`: from the hub (`model.safetensors`, or the preset's file in its repository);
 * - any other name: the path of a model folder or of a `.safetensors` file; `config.json` may lie beside the weights.
 *
 * From the hub means: from the Hugging Face cache without any request, else by a download into that cache. A cached
 * branch is therefore not updated; name a commit to get that one.
 *
 * Rejects with `signal.reason` on abort; with ERR_LMSPT_INVALID_ARGUMENT for a malformed name; with ERR_LMSPT_MODEL when
 * there is no such model; with ERR_LMSPT_DOWNLOAD when the download is refused, forbidden (`HF_HUB_OFFLINE`) or fails;
 * with ERR_LMSPT_IO when the disk cannot be read or written.
 */
export async function resolveModel(name: string, options: ResolveOptions = {}): Promise<ResolvedModel> {
  if (typeof name !== "string" || name === "") {
    throw invalidArgument("the model name", "a path, a preset name or hf://owner/repository", name);
  }
  options.signal?.throwIfAborted();
  if (name === BUNDLED_MODEL) return resolvePath(name, join(packageRoot(), "bundled-model"));
  if (isHubName(name)) return resolveHubName(name, options);
  const preset = findPreset(name);
  if (preset !== undefined) return resolvePreset(preset, options);
  return resolvePath(name, resolve(options.workingFolder ?? process.cwd(), name));
}

async function resolvePreset(preset: Preset, options: ResolveOptions): Promise<ResolvedModel> {
  const environment = readHubEnvironment(options.env, options.workingFolder);
  const folders = environment.modelFolders.map((folder) => join(folder, preset.name));
  for (const folder of folders) {
    const files = await modelInFolderIfPresent(folder);
    if (files) return { kind: "folder", ...files, preset: preset.name, licence: preset.licence, source: folder };
  }
  const weights = { repo: preset.repo, revision: preset.revision, file: preset.weightsFile };
  return resolveOnHub(weights, options, folders);
}

async function resolveHubName(name: string, options: ResolveOptions): Promise<ResolvedModel> {
  const { repo, revision, file: namedFile } = parseHubName(name);
  const file = namedFile ?? findPresetByRepo(repo)?.weightsFile ?? WEIGHTS_FILE;
  if (!file.endsWith(WEIGHTS_SUFFIX)) throw invalidArgument("the model name", `a *${WEIGHTS_SUFFIX} file`, name);
  return resolveOnHub({ repo, revision, file }, options, []);
}

async function resolveOnHub(wanted: HubFile, options: ResolveOptions, lookedIn: string[]): Promise<ResolvedModel> {
  const publisher = findPresetByRepo(wanted.repo);
  const preset = publisher?.weightsFile === wanted.file ? publisher : undefined;
  const { weights, weightsPath, configPath } = await findRemoteModel({
    weights: wanted,
    wantsConfig: preset === undefined,
    environment: readHubEnvironment(options.env, options.workingFolder),
    policy: makeNetworkPolicy(options.network),
    signal: options.signal,
    onProgress: options.onProgress,
    lookedIn,
  });
  const source = formatHubName(weights);
  return { kind: "folder", configPath, weightsPath, preset: preset?.name, licence: publisher?.licence, source };
}

async function resolvePath(name: string, path: string): Promise<ResolvedModel> {
  const files = (await modelInFolderIfPresent(path)) ?? (await modelFileIfPresent(path));
  if (files) {
    const preset = findPresetByWeights(basename(files.weightsPath));
    return { kind: "folder", ...files, preset: preset?.name, licence: preset?.licence, source: path };
  }
  throw new LmsptError(
    "ERR_LMSPT_MODEL",
    `No model ${JSON.stringify(name)}: expected a model folder, a *${WEIGHTS_SUFFIX} file, a preset ` +
      `(${[BUNDLED_MODEL, ...PRESETS.map((preset) => preset.name)].join(", ")}) or hf://owner/repository, and nothing like that lies at ${path}`,
  );
}

function modelInFolderIfPresent(path: string): Promise<ModelFiles | undefined> {
  return explainIo(`Cannot read the model folder ${path}`, async () =>
    (await statIfPresent(path))?.isDirectory() ? findModelInFolder(path) : undefined,
  );
}

function modelFileIfPresent(path: string): Promise<ModelFiles | undefined> {
  return explainIo(`Cannot read the model file ${path}`, async () =>
    path.endsWith(WEIGHTS_SUFFIX) && (await statIfPresent(path))?.isFile() ? modelAt(path) : undefined,
  );
}

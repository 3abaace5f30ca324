import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import nodeGypBuild from "node-gyp-build";
import { whyNoCuda } from "../graph/device.js";
import { cudaLibraryPath, native, packageRoot } from "../graph/native.js";
import { readHubEnvironment } from "../hub/environment.js";
import { BUNDLED_MODEL, PRESETS, resolveModel } from "../hub/index.js";
import { statIfPresent } from "../io/system-errors.js";
import { packageVersion } from "./version.js";

/** Everything that `lmspt doctor` finds out. A `problem` says why something is not there. */
export interface Machine {
  readonly lmspt: string;
  readonly node: string;
  readonly platform: string;
  readonly addon: { readonly path?: string; readonly problem?: string };
  /** Missing where the addon is. */
  readonly cpu?: {
    readonly model: string;
    readonly threads: number;
    readonly variants: readonly string[];
    /** How products are computed in reduced precisions, by their names. */
    readonly arithmetic: Readonly<Record<string, string>>;
  };
  readonly cuda: CudaFacts;
  readonly models: ModelFacts;
}

interface CudaFacts {
  /** Where the CUDA library is looked for; known with the addon only. */
  readonly library?: string;
  readonly libraryFound: boolean;
  /** Why the library cannot be used although it is there. */
  readonly libraryProblem?: string;
  /** Version of the NVIDIA driver, as nvidia-smi tells it. */
  readonly driver?: string;
  /** Devices that can be used. */
  readonly devices: readonly string[];
  /** Why there are none: no driver, or one that does not fit; known with the library only. */
  readonly driverProblem?: string;
  /** Ops that have no CUDA kernel yet; known with the library only. */
  readonly opsWithoutKernel?: readonly string[];
  /** Why no CUDA device can be used; missing where one can. */
  readonly problem?: string;
}

interface ModelFacts {
  readonly cacheFolder: string;
  readonly cacheFound: boolean;
  /** Whether HF_HUB_OFFLINE forbids downloads. */
  readonly offline: boolean;
  readonly presets: readonly { readonly name: string; readonly source?: string }[];
}

/** Looks around without changing or downloading anything; what cannot be found out is reported, never thrown. */
export async function inspectMachine(): Promise<Machine> {
  const addon = inspectAddon();
  return {
    lmspt: packageVersion(),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    addon,
    cpu: addon.problem === undefined ? native().describeCpu() : undefined,
    cuda: await inspectCuda(addon),
    models: await inspectModels(),
  };
}

function inspectAddon(): Machine["addon"] {
  let path: string | undefined;
  try {
    path = nodeGypBuild.path(packageRoot());
    native();
    return { path };
  } catch (error) {
    return { path, problem: messageOf(path === undefined ? error : ((error as Error).cause ?? error)) };
  }
}

async function inspectCuda(addon: Machine["addon"]): Promise<CudaFacts> {
  const driver = await findDriver();
  if (addon.problem !== undefined) {
    return {
      libraryFound: false,
      driver,
      devices: [],
      problem: "The native addon, beside which it lies, does not load",
    };
  }
  const library = cudaLibraryPath();
  const facts = { library, libraryFound: existsSync(library), driver, devices: [], problem: whyNoCuda() };
  if (!facts.libraryFound) return facts;
  try {
    const { devices, missing, problem: driverProblem } = native().describeCuda(library);
    return { ...facts, devices, driverProblem, opsWithoutKernel: missing };
  } catch (error) {
    return { ...facts, libraryProblem: messageOf(error) };
  }
}

async function findDriver(): Promise<string | undefined> {
  const query = ["--query-gpu=driver_version", "--format=csv,noheader"];
  try {
    const { stdout } = await promisify(execFile)("nvidia-smi", query, { timeout: 10_000 });
    return stdout.split("\n")[0]?.trim() || undefined;
  } catch {
    return undefined;
  }
}

async function inspectModels(): Promise<ModelFacts> {
  const { cacheFolder, offline } = readHubEnvironment();
  const presets = await Promise.all(
    [BUNDLED_MODEL, ...PRESETS.map(({ name }) => name)].map(async (name) => ({
      name,
      source: await findOnMachine(name),
    })),
  );
  return { cacheFolder, cacheFound: (await statIfPresent(cacheFolder)) !== undefined, offline, presets };
}

/** Where a preset lies on this machine, if it does. */
async function findOnMachine(preset: string): Promise<string | undefined> {
  try {
    return (await resolveModel(preset, { env: { ...process.env, HF_HUB_OFFLINE: "1" } })).source;
  } catch {
    return undefined;
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim();
}

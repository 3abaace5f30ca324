/** The CUDA device of the tests: the GPU where there is one, else the emulation of test/cuda-emulation. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Device } from "../../lib/graph/device.js";
import { cudaLibraryPath, native, packageRoot } from "../../lib/graph/native.js";

/** Where the build puts what belongs to the emulation. */
const buildFolder = join(packageRoot(), "build", "emulation");
export const emulatedLibrary = join(buildFolder, "liblmspt_cuda_emulated.so");
export const emulationProbes = join(buildFolder, "lmspt_emulation_probes");

/** Whether a real GPU can be used. */
function hasGpu(): boolean {
  return existsSync(cudaLibraryPath()) && native().describeCuda(cudaLibraryPath()).devices.length > 0;
}

/** The library that the tests of kernels run on; LMSPT_CUDA_LIBRARY chooses it, too. */
export const testedLibrary = hasGpu() ? cudaLibraryPath() : emulatedLibrary;
export const isEmulated = testedLibrary.endsWith("emulated.so");

export const openCuda = (index = 0): Device => Device.open(`cuda:${index}`, { library: testedLibrary });

/** Opens both devices for the tests of a suite, which get them by `take` before the first, and closes them after the last. */
export function useBothDevices(take: (devices: { readonly cpu: Device; readonly cuda: Device }) => void): void {
  let devices: { readonly cpu: Device; readonly cuda: Device };
  before(() => {
    devices = { cpu: Device.open("cpu"), cuda: openCuda() };
    take(devices);
  });
  after(() => Promise.all([devices.cpu.close(), devices.cuda.close()]));
}

/** Variables of the environment by their names. */
export type Settings = Readonly<Record<string, string>>;

/** Works with settings that hold meanwhile. */
export async function withEnvironment<Result>(
  settings: Settings,
  work: () => Result | Promise<Result>,
): Promise<Result> {
  const before = Object.keys(settings).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, settings);
  try {
    return await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

/** What LMSPT_CUDA_TILE may be. */
export const TILES = ["large", "tall", "small", "narrow"] as const;

/** Opens a device with settings that it reads when it is opened. */
export async function withSettings(settings: Settings, body: (device: Device) => Promise<void>): Promise<void> {
  const device = await withEnvironment(settings, openCuda);
  try {
    await body(device);
  } finally {
    await device.close();
  }
}

/** Compiles plans that store no values as bf16 numbers. */
export function withoutStorage<Result>(work: () => Promise<Result>): Promise<Result> {
  return withEnvironment({ LMSPT_BF16_STORAGE: "0" }, work);
}

/** What the emulation counts. All but the first three are of what is live. */
export interface EmulationCounts {
  readonly launches: number;
  readonly graphLaunches: number;
  readonly captures: number;
  readonly allocations: number;
  readonly bytes: number;
  readonly bytesOfDevices: Readonly<Record<number, number>>;
  readonly pinned: number;
  readonly streams: number;
  readonly events: number;
  readonly graphs: number;
  /** Launches by the kernel's name. */
  readonly kernels: Readonly<Record<string, number>>;
}

export interface Emulation {
  counts(): EmulationCounts;
  /** How many bytes a device has from now on. */
  setMemory(device: number, bytes: number): void;
  /** After so many more allocations none succeeds; -1: they succeed again. */
  failAllocationsAfter(device: number, count: number): void;
  /** How long kernels take by events' times, in ms by a part of their names; none: as long as the emulation takes. */
  setKernelTimes(milliseconds: Readonly<Record<string, number>>): void;
  /** The next work on the device fails as after a fault in a kernel. */
  lose(device: number): void;
}

let loaded: Emulation | undefined;

/** The switches and counters of the emulation; the library is a module of Node.js as well. */
export function emulation(): Emulation {
  if (!loaded) {
    const module = { exports: {} };
    process.dlopen(module, emulatedLibrary);
    loaded = module.exports as Emulation;
  }
  return loaded;
}

/** Launches so far of the emulated kernels whose names have this part. */
export function launchesOf(part: string): number {
  const kernels = Object.entries(emulation().counts().kernels);
  return kernels.reduce((sum, [name, count]) => sum + (name.includes(part) ? count : 0), 0);
}

// For scripts/test-cuda.mjs, which names what never ran.
const countsFile = process.env.LMSPT_CUDA_COUNTS;
if (countsFile && isEmulated) process.on("exit", () => writeFileSync(countsFile, JSON.stringify(emulation().counts())));

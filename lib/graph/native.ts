/**
 * The native addon: found by node-gyp-build, loaded when first needed, so that importing the package costs nothing and a
 * failed load is reported where the engine is asked for.
 */
import { dirname, join } from "node:path";
import nodeGypBuild from "node-gyp-build";
import { LmsptError } from "../errors.js";
import { packageRoot } from "../io/package-root.js";
import type { Precision } from "./precision.js";

export { packageRoot };

export type DType = "f32" | "i32";
export type Data = Float32Array | Int32Array;
export type NamedValues = readonly (readonly [name: string, value: number])[];
export type AttributeValue = number | boolean | readonly number[] | undefined;

export interface Port {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** One step of a traced run. */
export interface TraceStep {
  readonly op: string;
  readonly shape: string;
  readonly milliseconds: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly finite: boolean;
}

export interface NativePlan {
  readonly ports: { readonly inputs: readonly Port[]; readonly outputs: readonly Port[] };
  /** Bytes of the arena that holds all intermediate values. */
  readonly memory: number;
  run(inputs: readonly Data[]): Promise<Data[]>;
  trace(inputs: readonly Data[]): Promise<{ outputs: Data[]; steps: TraceStep[] }>;
  close(): void;
}

export interface NativeSample {
  readonly value: number;
  readonly data: Data;
  readonly tolerance: number;
}

export interface NativeGraph {
  input(name: string, dtype: DType, shape: readonly number[]): number;
  variable(variable: NativeVariable): number;
  constant(dtype: DType, shape: readonly number[], data: Data): number;
  apply(op: string, values: readonly (number | null)[], attributes: Readonly<Record<string, AttributeValue>>): number[];
  describe(value: number): { dtype: DType; shape: number[] };
  beginSegment(): void;
  endSegment(): void;
  gradients(outputs: readonly number[], seeds: readonly number[], wrt: readonly number[]): number[];
  compile(
    device: NativeDevice,
    outputs: NamedValues,
    updates: readonly (readonly [variable: NativeVariable, value: number])[],
    precision: Precision,
  ): Promise<NativePlan>;
  serialize(outputs: NamedValues, samples: readonly NativeSample[], precision: Precision): Uint8Array;
  close(): void;
}

export interface NativeVariable {
  read(): Data;
  write(data: Data): void;
  close(): void;
}

export interface NativeDevice {
  readonly kind: "cpu" | "cuda";
  readonly description: string;
  /** How products asked for in a precision are computed; undefined where they cannot be. */
  arithmetic(precision: Precision): string | undefined;
  read(variables: readonly NativeVariable[]): Promise<Data[]>;
  close(): Promise<void>;
}

export interface NativeMappedFile {
  readonly size: number;
  read(begin: number, end: number): Uint8Array;
}

export interface OpInfo {
  readonly name: string;
  readonly gradient: boolean;
  readonly noGradient: string;
  readonly view: boolean;
  readonly attributes: readonly string[];
  readonly cpu: readonly string[];
}

export type DeviceSettings =
  | { readonly kind: "cpu"; readonly threads?: number; readonly variant?: string }
  | { readonly kind: "cuda"; readonly library: string; readonly index: number };

export interface Native {
  readonly Device: new (settings: DeviceSettings) => NativeDevice;
  readonly Graph: new () => NativeGraph;
  readonly Variable: {
    new (dtype: DType, shape: readonly number[], data: Data, frozen: boolean): NativeVariable;
    new (
      dtype: DType,
      shape: readonly number[],
      file: NativeMappedFile,
      offset: number,
      frozen: boolean,
    ): NativeVariable;
  };
  readonly MappedFile: new (path: string) => NativeMappedFile;
  setErrorClass(errorClass: typeof LmsptError): void;
  listOps(): OpInfo[];
  /** `variants` best first; `arithmetic`: how the best one computes products in reduced precisions. */
  describeCpu(): { model: string; threads: number; variants: string[]; arithmetic: Record<"bf16x3" | "bf16", string> };
  describeCuda(library: string): { devices: string[]; missing: string[]; problem?: string };
  /** Throws where the bytes are not a valid plan file. */
  checkPlan(bytes: Uint8Array): void;
}

let loaded: Native | undefined;

/** Loads the addon; throws ERR_LMSPT_DEVICE with a diagnosis and remedies where that fails. */
export function native(): Native {
  if (loaded) return loaded;
  try {
    loaded = nodeGypBuild(packageRoot()) as Native;
  } catch (cause) {
    throw new LmsptError("ERR_LMSPT_DEVICE", diagnosis(cause), { cause });
  }
  loaded.setErrorClass(LmsptError);
  return loaded;
}

/** Waits for work on a device's thread; gives an error that comes from there the stack of the caller. */
export async function settled<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof LmsptError) Error.captureStackTrace(error, settled);
    throw error;
  }
}

/** Where the CUDA library lies when there is one: where LMSPT_CUDA_LIBRARY says, else beside the addon. */
export function cudaLibraryPath(): string {
  const chosen = process.env.LMSPT_CUDA_LIBRARY;
  if (chosen) return chosen;
  native();
  const name = process.platform === "win32" ? "lmspt_cuda.dll" : "liblmspt_cuda.so";
  return join(dirname(nodeGypBuild.path(packageRoot())), name);
}

function diagnosis(cause: unknown): string {
  const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
  return [
    `The native addon of lmspt does not load on ${process.platform}-${process.arch} with Node ${process.version}: ${reason}`,
    "What helps, in this order:",
    "  1. in a clone of the project: npm run setup (needs CMake, make and a C++20 compiler)",
    "  2. in a project that depends on it: npm rebuild lmspt",
    "  3. npx lmspt doctor tells what was looked for and where",
  ].join("\n");
}

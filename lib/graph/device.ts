/** Devices: where plans run. Every device has one thread of its own, on which its plans run in the order of asking. */

import { existsSync } from "node:fs";
import { AN_ARRAY, checkOptions, requireKind, TEXT } from "../arguments.js";
import { invalidArgument, LmsptError } from "../errors.js";
import { cudaLibraryPath, type Data, type DeviceSettings, type NativeDevice, native, settled } from "./native.js";
import { A_PRECISION, type Precision } from "./precision.js";
import type { Variable } from "./variable.js";

/** `"auto"` takes a CUDA device where one can be used and the CPU elsewhere; the others take what they say or throw. */
export type DeviceName = "auto" | "cpu" | "cuda" | `cuda:${number}`;

export interface DeviceOptions {
  /** Threads of a CPU device; all that the process may use by default. */
  readonly threads?: number;
  /**
   * CPU variant: "portable", "avx2", "avx512", "avx512bf16" or "amx"; the best one by default. The environment's LMSPT_CPU
   * does the same. For tests there is "amx-emulated".
   */
  readonly variant?: string;
  /** Path of the CUDA library of a CUDA device; beside the addon by default. The environment's LMSPT_CUDA_LIBRARY does the same. */
  readonly library?: string;
}

export class Device {
  /** What was chosen: `"cpu"` or `"cuda"`. */
  readonly kind: "cpu" | "cuda";
  /** For people: variant and threads, or the GPU's name. */
  readonly description: string;
  /** Why `"auto"` did not take a CUDA device. */
  readonly fallbackReason: string | undefined;
  /** @internal */
  readonly native: NativeDevice;
  private closing: Promise<void> | undefined;

  private constructor(settings: DeviceSettings, fallbackReason?: string) {
    this.native = new (native().Device)(settings);
    this.kind = this.native.kind;
    this.description = this.native.description;
    this.fallbackReason = fallbackReason;
  }

  /** Opens a device; throws ERR_LMSPT_DEVICE, saying what was probed, where it cannot be used. */
  static open(name: DeviceName = "auto", options: DeviceOptions = {}): Device {
    checkOptions(options, { variant: TEXT, library: TEXT });
    if (name === "cpu") return new Device(cpuSettings(options));
    if (name === "auto") {
      const reason = whyNoCuda(options.library);
      return reason === undefined
        ? new Device(cudaSettings(0, options.library))
        : new Device(cpuSettings(options), reason);
    }
    const match = typeof name === "string" ? /^cuda(?::(\d+))?$/.exec(name) : null;
    if (!match) throw invalidArgument("device", '"auto", "cpu", "cuda" or "cuda:N"', name);
    const library = options.library ?? cudaLibraryPath();
    if (!existsSync(library)) throw new LmsptError("ERR_LMSPT_DEVICE", noLibrary(library));
    return new Device(cudaSettings(Number(match[1] ?? 0), library));
  }

  /**
   * How this device computes products that are asked for in a precision, for people.
   * @throws ERR_LMSPT_UNSUPPORTED where it does not have that precision
   */
  arithmetic(precision: Precision): string {
    requireKind("precision", A_PRECISION, precision);
    const description = this.native.arithmetic(precision);
    if (description !== undefined) return description;
    const message = `Expected a precision that ${this.kind} has but received "${precision}"`;
    throw new LmsptError("ERR_LMSPT_UNSUPPORTED", message);
  }

  get closed(): boolean {
    return this.closing !== undefined;
  }

  /** Copies of the variables' values after all that was asked of this device before, plans that update them included. */
  async read(variables: readonly Variable[]): Promise<Data[]> {
    requireKind("variables", AN_ARRAY, variables);
    return settled(this.native.read(variables.map((variable) => variable?.native)));
  }

  /** Takes no more work; resolves when what was asked for before is done. Closing twice is harmless. */
  close(): Promise<void> {
    this.closing ??= this.native.close();
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function cpuSettings(options: DeviceOptions): DeviceSettings {
  const threads = options.threads ?? numberFromEnvironment("LMSPT_THREADS");
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= 1024)) {
    throw invalidArgument("threads", "an integer from 1 to 1024", threads);
  }
  return { kind: "cpu", threads, variant: options.variant ?? (process.env.LMSPT_CPU || undefined) };
}

function cudaSettings(index: number, library = cudaLibraryPath()): DeviceSettings {
  return { kind: "cuda", library, index };
}

function numberFromEnvironment(name: string): number | undefined {
  const text = process.env[name];
  return text ? Number(text) : undefined;
}

function noLibrary(library: string): string {
  return (
    `Expected the CUDA library at ${library}, but there is none: this build of lmspt was made without nvcc. ` +
    'Build it where the CUDA toolkit is installed, or use the device "cpu"'
  );
}

/** The reason why no CUDA device can be used here, or undefined where one can. */
export function whyNoCuda(library = cudaLibraryPath()): string | undefined {
  if (!existsSync(library)) return noLibrary(library);
  try {
    const found = native().describeCuda(library);
    if (found.problem !== undefined) return found.problem;
    if (found.devices.length === 0) return "The driver answers, but it sees no GPU";
    if (found.missing.length > 0) return `The CUDA library lacks kernels for ${found.missing.length} ops`;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

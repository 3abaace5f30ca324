/**
 * onnxruntime-node, the implementation that exported models are compared with. It is no dependency of this package: it is
 * installed, without its install script, into a folder of its own when it is first wanted.
 */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { packageRoot } from "../../lib/graph/native.js";
import { copyHeldToAvx2 } from "./held-to-avx2.js";

const NAME = "onnxruntime-node";
const VERSION = "1.30.0";
const INSTALL_LIMIT_MS = 240_000;

export interface OnnxTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

export interface OnnxSession {
  run(feeds: Readonly<Record<string, OnnxTensor>>): Promise<Record<string, OnnxTensor>>;
  release(): Promise<void>;
}

/** What of its API is used here. */
export interface OnnxRuntime {
  readonly version: string;
  readonly InferenceSession: {
    create(
      model: string | Uint8Array,
      options?: {
        readonly intraOpNumThreads?: number;
        readonly interOpNumThreads?: number;
        readonly graphOptimizationLevel?: "disabled" | "basic" | "extended" | "all";
        readonly executionMode?: "sequential" | "parallel";
      },
    ): Promise<OnnxSession>;
  };
  readonly Tensor: new (
    type: "float32" | "int64",
    data: Float32Array | BigInt64Array,
    dims: readonly number[],
  ) => OnnxTensor;
}

const loading = new Map<boolean, Promise<OnnxRuntime>>();

/**
 * Loads it, after installing it where it is not there yet, or its copy that is held to AVX2. Rejects with the reason where
 * that cannot be done.
 */
export function loadOnnxRuntime(heldToAvx2 = false): Promise<OnnxRuntime> {
  const runtime = loading.get(heldToAvx2) ?? load(heldToAvx2);
  loading.set(heldToAvx2, runtime);
  return runtime;
}

async function load(heldToAvx2: boolean): Promise<OnnxRuntime> {
  const installed = join(packageRoot(), "build", "peers");
  if (installedVersion(installed) !== VERSION) await install(installed);
  const folder = heldToAvx2 ? `${installed}-avx2-${VERSION}` : installed;
  if (heldToAvx2) await copyHeldToAvx2(installed, folder);
  const runtime = createRequire(join(folder, "package.json"))(NAME) as Omit<OnnxRuntime, "version">;
  return { version: VERSION, InferenceSession: runtime.InferenceSession, Tensor: runtime.Tensor };
}

function installedVersion(folder: string): string | undefined {
  const path = join(folder, "node_modules", NAME, "package.json");
  if (!existsSync(path)) return undefined;
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}

async function install(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), JSON.stringify({ private: true }));
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"];
  try {
    await promisify(execFile)("npm", ["install", ...flags, `${NAME}@${VERSION}`], {
      cwd: folder,
      timeout: INSTALL_LIMIT_MS,
      shell: process.platform === "win32",
    });
  } catch (cause) {
    const lines = cause instanceof Error ? cause.message.split("\n") : [String(cause)];
    const reason = lines.find((line) => line.includes("npm error")) ?? lines[0]!;
    throw new Error(`${NAME} ${VERSION} cannot be installed: ${reason}`, { cause });
  }
}

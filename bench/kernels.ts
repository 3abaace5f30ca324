/**
 * Every family of CUDA kernels by itself: time, operations and bytes a second, against the limits of the same run.
 *   npm run bench -- kernels [OPTIONS OF lmspt-kernel-lab]
 * The measuring is native (bench/kernels), so that it also runs where there is no Node.js.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { cudaLibraryPath, packageRoot } from "../lib/graph/native.js";
import { describeMachine } from "./support/machine.js";

export const kernelLab = join(packageRoot(), "build", "Release", "lmspt-kernel-lab");

export async function main(args: readonly string[]): Promise<void> {
  const { date, commit } = describeMachine();
  const folder = join(packageRoot(), "bench", "results");
  mkdirSync(folder, { recursive: true });
  const output = join(folder, `${date.slice(0, 10)}-kernels`);
  const options = ["--cuda", cudaLibraryPath(), "--commit", commit, "--output", output, ...args];
  const { status, error } = spawnSync(kernelLab, options, { stdio: "inherit" });
  if (error) throw error;
  process.exitCode = status ?? 1;
}

/** Where and with what a measurement was made. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { arch, cpus, platform, totalmem } from "node:os";
import { native, packageRoot } from "../../lib/graph/native.js";

export interface MachineDescription {
  readonly date: string;
  /** Of the checkout; `-dirty` marks changes that are not in it. */
  readonly commit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly variants: readonly string[];
  readonly system: string;
  readonly node: string;
}

export function describeMachine(): MachineDescription {
  return {
    date: new Date().toISOString(),
    commit: commit(),
    cpu: cpus()[0]?.model ?? native().describeCpu().model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    variants: native().describeCpu().variants,
    system: `${platform()}-${arch()}`,
    node: process.version,
  };
}

function commit(): string {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: packageRoot(), encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    return git("rev-parse", "HEAD") + (git("status", "--porcelain") === "" ? "" : "-dirty");
  } catch {
    return "unknown";
  }
}

/** The CPUs that this process may use, in order; undefined where the system does not tell. */
export function allowedCpus(): number[] | undefined {
  if (process.platform !== "linux") return undefined;
  const list = /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return list?.split(",").flatMap((range) => {
    const [first, last] = range.split("-").map(Number) as [number, number?];
    return Array.from({ length: (last ?? first) - first + 1 }, (_, i) => first + i);
  });
}

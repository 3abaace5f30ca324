import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../io/package-root.js";
import { EXIT, type ExitStatus } from "./failure.js";
import { inspectMachine, type Machine } from "./machine.js";
import { printResult, type Session } from "./terminal.js";

export interface DoctorOptions {
  readonly json?: boolean;
}

/** One line of the report. */
interface Finding {
  readonly name: string;
  readonly found: boolean;
  readonly detail: string;
  /** What helps where something is missing. */
  readonly remedy?: string;
}

/** `lmspt doctor`: what was found, what is missing, what helps. */
export async function doctor(options: DoctorOptions, { terminal }: Session): Promise<ExitStatus> {
  const machine = await inspectMachine();
  printResult(terminal, options.json ? JSON.stringify(machine, undefined, 2) : formatReport(machine));
  return machine.addon.problem === undefined ? EXIT.done : EXIT.unusable;
}

function formatReport(machine: Machine): string {
  const findings = [...engineFindings(machine), ...cudaFindings(machine), ...modelFindings(machine)];
  const width = Math.max(...findings.map(({ name }) => name.length));
  const indent = " ".repeat("missing  ".length + width + 2);
  const lines = findings.flatMap(({ found, name, detail, remedy }) => [
    `${found ? "ok     " : "missing"}  ${name.padEnd(width)}  ${detail.replaceAll("\n", `\n${indent}`)}`,
    ...(found || remedy === undefined ? [] : [`${indent}-> ${remedy}`]),
  ]);
  return [`lmspt ${machine.lmspt}`, ...lines, conclusion(machine)].join("\n");
}

function engineFindings({ node, platform, addon, cpu }: Machine): Finding[] {
  const supported = Number.parseInt(node.slice(1), 10) >= 20;
  const findings: Finding[] = [
    { name: "Node.js", found: supported, detail: `${node} on ${platform}`, remedy: "install Node.js 20 or newer" },
    {
      name: "native addon",
      found: addon.problem === undefined,
      detail: [addon.path, addon.problem].filter((part) => part !== undefined).join("\n"),
      remedy: existsSync(join(packageRoot(), "scripts", "setup.mjs"))
        ? `npm run setup in ${packageRoot()} (needs CMake, make and a C++20 compiler)`
        : "npm rebuild lmspt in your project (needs CMake, make and a C++20 compiler)",
    },
  ];
  if (cpu) {
    const detail = `${cpu.model}, ${cpu.threads} threads, kernels ${cpu.variants.join(", ")} (best first)`;
    findings.push({ name: "CPU", found: true, detail });
    for (const [precision, arithmetic] of Object.entries(cpu.arithmetic)) {
      findings.push({ name: `precision ${precision}`, found: true, detail: arithmetic });
    }
  }
  return findings;
}

function cudaFindings({ cuda }: Machine): Finding[] {
  const { library, libraryFound, libraryProblem, driver, driverProblem, devices, opsWithoutKernel } = cuda;
  const findings: Finding[] = [
    {
      name: "CUDA library",
      found: libraryFound && libraryProblem === undefined,
      detail: [library ?? "looked for beside the addon", libraryProblem]
        .filter((part) => part !== undefined)
        .join("\n"),
      remedy: libraryProblem
        ? "build lmspt again, all of it at once: the library and the addon belong together"
        : "build lmspt where nvcc (the CUDA toolkit) is found",
    },
    {
      name: "NVIDIA driver",
      found: driver !== undefined || devices.length > 0,
      detail: driver ?? `${devices.length > 0 ? "in use; " : ""}nvidia-smi does not answer`,
      remedy: "install the NVIDIA driver, where there is an NVIDIA GPU",
    },
    {
      name: "CUDA devices",
      found: devices.length > 0,
      detail:
        devices.map((device, index) => `cuda:${index} ${device}`).join("\n") || (driverProblem ?? "none can be used"),
      remedy: driverProblem?.includes("too old")
        ? "update the NVIDIA driver to one for the CUDA runtime that is named, or build lmspt with an older CUDA toolkit"
        : undefined,
    },
  ];
  if (opsWithoutKernel) {
    const count = opsWithoutKernel.length;
    findings.push({
      name: "CUDA kernels",
      found: count === 0,
      detail: count === 0 ? "for all ops" : `for all ops but ${count}: ${opsWithoutKernel.join(", ")}`,
      remedy: "use a version of lmspt that has them; models run on the CPU until then",
    });
  }
  return findings;
}

function modelFindings({ models }: Machine): Finding[] {
  const { cacheFolder, cacheFound, offline, presets } = models;
  return [
    {
      name: "model cache",
      found: cacheFound,
      detail: cacheFolder,
      remedy: "nothing to do: the first download makes it; HF_HUB_CACHE chooses another folder",
    },
    ...presets.map(({ name, source }) => ({
      name: `model ${name}`,
      found: source !== undefined,
      detail: source ?? "not on this machine",
      remedy: offline
        ? "unset HF_HUB_OFFLINE to permit the download, or put it into ./models or $LMSPT_MODELS"
        : "nothing to do: it is downloaded when it is first used",
    })),
  ];
}

function conclusion({ addon, cuda }: Machine): string {
  if (addon.problem !== undefined) return "\nModels cannot run here until the native addon loads.";
  return cuda.problem === undefined
    ? "\nModels run on the CPU and on CUDA."
    : `\nModels run on the CPU. Why not on CUDA: ${cuda.problem}`;
}

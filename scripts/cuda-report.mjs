/**
 * Compiles every CUDA kernel for every target and prints its registers, shared memory and spills, as ptxas tells them, then
 * of one target the size of its code and how many instructions of each kind its PTX has. A kernel that spills is a failure.
 * `npm run build:cuda-report -- 90a 120` takes these targets alone. The numbers stay in build/cuda-report.json.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { codeSizes, countInstructions, INSTRUCTIONS } from "./support/cuda-code.mjs";
import { filesIn } from "./support/fingerprint.mjs";
import { fromRoot, isProgram } from "./support/paths.mjs";
import { run } from "./support/run.mjs";
import { printFailure } from "./support/steps.mjs";

/** The targets of lmspt_choose_cuda_architectures in cmake/cuda-library.cmake. */
const allTargets = ["80", "86", "89", "90a", "100", "120"];
const reportFile = fromRoot("build", "cuda-report.json");
const nvcc = process.env.CUDACXX ?? "nvcc";

/**
 * @typedef {object} Usage
 * @property {string} kernel Name without parameters.
 * @property {string} source File of csrc.
 * @property {string} target Such as "90a".
 * @property {number} registers Of a thread.
 * @property {number} shared Bytes of static shared memory of a block.
 * @property {number} stack Bytes of a thread's stack.
 * @property {number} spilled Bytes that a thread stores and loads because registers ran out.
 * @property {number} [code] Bytes of its instructions.
 * @property {Record<string, number>} [instructions] Of its PTX, by the kinds of INSTRUCTIONS.
 */

/**
 * @param {string} output What ptxas prints with -v.
 * @param {string} source The file that was compiled.
 * @param {string} target For which it was.
 * @returns {Usage[]} Kernels with mangled names.
 */
export function readUsage(output, source, target) {
  const usages = [];
  for (const part of output.split("Compiling entry function '").slice(1)) {
    const number = (/** @type {RegExp} */ pattern) => Number(pattern.exec(part)?.[1] ?? 0);
    usages.push({
      kernel: part.slice(0, part.indexOf("'")),
      source,
      target,
      registers: number(/Used (\d+) registers/),
      shared: number(/(\d+) bytes smem/),
      stack: number(/(\d+) bytes stack frame/),
      spilled: number(/(\d+) bytes spill stores/) + number(/(\d+) bytes spill loads/),
    });
  }
  return usages;
}

/**
 * @param {string[]} names Mangled.
 * @returns {string[]} Names for people, without parameters and the namespaces that all share.
 */
function demangle(names) {
  for (const tool of ["c++filt", "cu++filt"]) {
    const { status, stdout } = spawnSync(tool, ["-p"], { input: `${names.join("\n")}\n`, encoding: "utf8" });
    if (status !== 0) continue;
    const texts = stdout.trimEnd().split("\n");
    return texts.map((text) =>
      text.replace(/^void /, "").replaceAll(/lmspt::cuda::|\(anonymous namespace\)::|_GLOBAL__N__\w+::/g, ""),
    );
  }
  return names;
}

/**
 * Compiles one file for one target.
 * @param {string} source File of csrc.
 * @param {string} target Such as "90a".
 * @returns {Promise<Usage[]>} Its kernels.
 */
async function compile(source, target) {
  const name = basename(source, ".cu");
  const folder = fromRoot("build", "cuda-report", `${name}.${target}`);
  mkdirSync(folder, { recursive: true });
  const result = join(folder, `${name}.cubin`);
  const options = [
    "-std=c++20",
    "-O3",
    "--fmad=false",
    "-Icsrc",
    `-arch=sm_${target}`,
    "-Xptxas",
    "-v",
    "-Werror",
    "all-warnings",
    "--keep",
    "--keep-dir",
    folder,
  ];
  const output = await run(nvcc, [...options, "-cubin", "-o", result, source], { limitSeconds: 1800 });
  const sizes = codeSizes(readFileSync(result));
  const instructions = countInstructions(readFileSync(join(folder, `${name}.ptx`), "utf8"));
  rmSync(folder, { recursive: true });
  return readUsage(output, source, target).map((usage) => ({
    ...usage,
    code: sizes.get(usage.kernel) ?? 0,
    instructions: instructions.get(usage.kernel) ?? {},
  }));
}

/**
 * @param {string[]} targets What to compile for.
 * @returns {Promise<Usage[]>} All kernels for all of them.
 */
async function compileAll(targets) {
  const jobs = filesIn("csrc")
    .filter((path) => path.endsWith("_cuda.cu"))
    .flatMap((source) => targets.map((target) => ({ source, target })));
  /** @type {Usage[]} */
  const usages = [];
  const work = async () => {
    for (let job = jobs.shift(); job; job = jobs.shift()) usages.push(...(await compile(job.source, job.target)));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  const names = demangle(usages.map(({ kernel }) => kernel));
  return usages
    .map((usage, i) => ({ ...usage, kernel: names[i] ?? usage.kernel }))
    .sort((a, b) => a.source.localeCompare(b.source) || a.kernel.localeCompare(b.kernel));
}

/**
 * @param {Usage[]} usages All kernels for all targets.
 * @param {string[]} targets In the order of the columns.
 * @returns {string} A table: a line for each kernel, its registers for each target, then what is not zero.
 */
function table(usages, targets) {
  const lines = [
    `registers for ${targets.map((target) => `sm_${target}`).join(", ")}; static shared memory; stack; spills`,
  ];
  /** @type {Map<string, Usage[]>} */
  const kernels = new Map();
  for (const usage of usages) {
    const name = nameOf(usage);
    kernels.set(name, [...(kernels.get(name) ?? []), usage]);
  }
  for (const [name, all] of kernels) {
    const of = (/** @type {string} */ target) => all.find((usage) => usage.target === target);
    const largest = (/** @type {"shared" | "stack" | "spilled"} */ what) =>
      Math.max(...all.map((usage) => usage[what]));
    const registers = targets.map((target) => String(of(target)?.registers ?? "-").padStart(4)).join("");
    const rest = /** @type {const} */ (["shared", "stack", "spilled"])
      .filter((what) => largest(what) > 0)
      .map((what) => `${largest(what)} bytes ${what}`);
    lines.push([registers, name, ...rest].join("  "));
  }
  return lines.join("\n");
}

/** @param {Usage} usage A kernel. */
const nameOf = ({ source, kernel }) => `${dirname(source).replace("csrc/", "")} ${kernel}`;

/**
 * @param {Usage[]} usages All kernels.
 * @param {string} target Of which the table is.
 * @returns {string} A table: a line for each kernel, its code's size and its instructions by kind.
 */
function tableOfInstructions(usages, target) {
  const kinds = Object.keys(INSTRUCTIONS);
  const lines = [`KiB of code for sm_${target}; instructions of its PTX: all, ${kinds.join(", ")}`];
  for (const usage of usages.filter((usage) => usage.target === target)) {
    const counts = ["all", ...kinds].map((kind) => String(usage.instructions?.[kind] ?? 0).padStart(6));
    lines.push(`${((usage.code ?? 0) / 1024).toFixed(1).padStart(6)} ${counts.join("")}  ${nameOf(usage)}`);
  }
  return lines.join("\n");
}

/**
 * @param {string[]} targets What to compile for.
 * @returns {Promise<{ passed: number, failed: number, text: string, spills: string[] }>} How many kernels do not spill
 *   and how many do, the table, and what spills.
 */
async function report(targets) {
  const usages = await compileAll(targets);
  writeFileSync(reportFile, `${JSON.stringify(usages, undefined, 1)}\n`);
  const spilling = usages.filter(({ spilled }) => spilled > 0);
  return {
    passed: usages.length - spilling.length,
    failed: spilling.length,
    text: `${table(usages, targets)}\n\n${tableOfInstructions(usages, targets.includes("90a") ? "90a" : (targets[0] ?? ""))}`,
    spills: spilling.map(({ kernel, target, spilled }) => `${kernel} spills ${spilled} bytes on sm_${target}`),
  };
}

/** @returns {string[]} The targets that the nvcc at hand knows; none where there is no nvcc. */
function knownTargets() {
  const { status, stdout } = spawnSync(nvcc, ["--list-gpu-code"], { encoding: "utf8" });
  if (status !== 0) return [];
  const known = new Set(stdout.split(/\s+/));
  return allTargets.filter((target) => known.has(`sm_${Number.parseInt(target, 10)}`));
}

/** @type {import("./support/steps.mjs").Step} */
export const cudaReport = {
  name: "cuda report",
  run: async () => {
    const targets = knownTargets();
    if (targets.length === 0) return "skipped, there is no nvcc";
    const { passed, failed, text, spills } = await report(targets);
    console.log(text);
    for (const spill of spills) console.error(spill);
    return { passed, failed };
  },
};

if (isProgram(import.meta)) {
  const asked = process.argv.slice(2);
  const targets = asked.length > 0 ? asked : knownTargets();
  try {
    if (targets.length === 0) throw new Error(`${nvcc} was not found; the CUDA toolkit has it`);
    const { passed, failed, text, spills } = await report(targets);
    console.log(
      [text, ...spills, `${passed + failed} kernels compiled for sm_${targets.join(", sm_")}; ${failed} spill`].join(
        "\n",
      ),
    );
    if (failed > 0) process.exitCode = 1;
  } catch (error) {
    printFailure(error);
    process.exitCode = 1;
  }
}

/**
 * The tests of CUDA kernels alone, on the emulated GPU (docs/cuda-backend.md). Prints how many kernels and cases ran; a
 * kernel that none of them launched is a failure.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { setup } from "./setup.mjs";
import { filesIn } from "./support/fingerprint.mjs";
import { fromRoot, isProgram } from "./support/paths.mjs";
import { run } from "./support/run.mjs";
import { printFailure } from "./support/steps.mjs";

/** Where tests leave what the emulation counted, when the environment's LMSPT_CUDA_COUNTS names it. */
export const cudaCountsFile = fromRoot("build", "cuda-counts.json");

/** The names of all kernels in csrc. */
function kernelsInSources() {
  const names = new Set();
  for (const path of filesIn("csrc").filter((path) => /\.(cu|h)$/.test(path))) {
    const bare = readFileSync(fromRoot(path), "utf8").replaceAll(/\s*__launch_bounds__\([^)]*\)/g, "");
    for (const [, name] of bare.matchAll(/__global__\s+void\s+(\w+)\s*\(/g)) names.add(name);
  }
  return names;
}

/**
 * @param {string} name Of an instance of a kernel, such as "void lmspt::cuda::(anonymous namespace)::rows_kernel<Sum>".
 * @returns {string} Its name in the sources.
 */
const bareName = (name) =>
  /(\w+)(?:<|$)/.exec(name.replace(/^void /, "").replace("(anonymous namespace)::", ""))?.[1] ?? name;

/**
 * @returns {{ passed: number, failed: number, text: string }} Kernels of the sources that ran, and that did not, by the
 *   counts that the tests left.
 */
export function kernelsThatRan() {
  const { kernels, launches } = JSON.parse(readFileSync(cudaCountsFile, "utf8"));
  const { kernelCases } = createRequire(import.meta.url)("../dist/test/device/cuda-cases.js");
  const ran = new Set(Object.keys(kernels).map(bareName));
  const wanted = [...kernelsInSources()];
  const missing = wanted.filter((name) => !ran.has(name));
  const instances = Object.keys(kernels).length;
  const text =
    `${wanted.length - missing.length} of ${wanted.length} kernels ran (${instances} instances, ${launches} launches) ` +
    `over ${kernelCases.length} cases` +
    (missing.length === 0 ? "" : `; never launched: ${missing.join(", ")}`);
  return { passed: wanted.length - missing.length, failed: missing.length, text };
}

/** @type {import("./support/steps.mjs").Step} */
export const kernelCoverage = {
  name: "cuda kernels",
  run: async () => {
    if (!existsSync(cudaCountsFile)) return "skipped, the tests ran on a GPU";
    const { passed, failed, text } = kernelsThatRan();
    if (failed > 0) throw new Error(text);
    console.log(text);
    return { passed, failed };
  },
};

async function testCuda() {
  await setup();
  const { emulatedLibrary } = createRequire(import.meta.url)("../dist/test/device/cuda-device.js");
  if (!existsSync(emulatedLibrary)) throw new Error(`The emulation was not built: there is no ${emulatedLibrary}`);
  mkdirSync(fromRoot("build"), { recursive: true });
  rmSync(cudaCountsFile, { force: true });
  await run(
    process.execPath,
    ["--enable-source-maps", fromRoot("node_modules/mocha/bin/mocha.js"), "dist/test/device/cuda-*.test.js"],
    { show: true, env: { LMSPT_CUDA_LIBRARY: emulatedLibrary, LMSPT_CUDA_COUNTS: cudaCountsFile } },
  );
  const { failed, text } = kernelsThatRan();
  console.log(text);
  if (failed > 0) process.exitCode = 1;
}

if (isProgram(import.meta)) {
  await testCuda().catch((error) => {
    printFailure(error);
    process.exitCode = 1;
  });
}

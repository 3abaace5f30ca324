/**
 * Builds the core and the runner with the address and undefined-behaviour sanitizers and lets the runner repeat the op
 * tests, whose cases the TypeScript side exports, on every CPU variant; then it reads damaged plan files.
 */
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { prepareBuildFolder } from "./support/build-folder.mjs";
import { fromRoot, isProgram } from "./support/paths.mjs";
import { CommandError, run } from "./support/run.mjs";
import { runSteps } from "./support/steps.mjs";
import { findTools } from "./support/tools.mjs";

const buildFolder = "build/asan";
const caseFolder = "build/native-cases";

/**
 * Lets the runner test a folder. A crash or a sanitizer's finding rejects; a file that differs or is refused counts.
 * @param {string} folder Holds plan files.
 * @param {string} variant CPU variant.
 * @returns {Promise<{ passed: number, failed: number }>} Files.
 */
async function runCases(folder, variant) {
  const limits = "allocator_may_return_null=1:max_allocation_size_mb=512";
  const output = await run(fromRoot(buildFolder, "lmspt-native"), ["test", folder, "--variant", variant], {
    env: { ASAN_OPTIONS: `strict_string_checks=1:${limits}`, UBSAN_OPTIONS: "print_stacktrace=1" },
    limitSeconds: 300,
  }).catch((error) => {
    if (error instanceof CommandError) return error.output;
    throw error;
  });
  const counts = output.trimEnd().match(/(\d+) passed, (\d+) failed$/);
  if (!counts) throw new Error(`lmspt-native did not close with "N passed, N failed":\n${output}`);
  if (counts[2] !== "0" && folder === caseFolder) console.error(output.trimEnd());
  return { passed: Number(counts[1]), failed: Number(counts[2]) };
}

/** @type {import("./support/steps.mjs").Step} */
export const nativeTest = {
  name: "native (asan)",
  run: async () => {
    const tools = findTools();
    prepareBuildFolder(fromRoot(buildFolder), tools);
    await run("cmake", ["-S", ".", "-B", buildFolder, "-G", tools.generator, "-DLMSPT_SANITIZE=ON"]);
    await run("cmake", ["--build", buildFolder, "--parallel", String(availableParallelism())]);
    await run(process.execPath, ["dist/scripts/export-native-cases.js", caseFolder]);
    const { native } = createRequire(import.meta.url)("../dist/lib/graph/native.js");
    const total = { passed: 0, failed: 0 };
    for (const variant of native().describeCpu().variants) {
      const { passed, failed } = await runCases(caseFolder, variant);
      total.passed += passed;
      total.failed += failed;
    }
    const damaged = await runCases(`${caseFolder}/damaged`, "portable");
    total.passed += damaged.passed + damaged.failed; // each is loaded and run, or refused
    return total;
  },
};

if (isProgram(import.meta)) {
  const { passed, failed } = await runSteps([nativeTest]);
  if (passed === 0 || failed > 0) process.exitCode = 1;
}

/**
 * Builds the core and the runner with the address and undefined-behaviour sanitizers and lets the runner repeat the op
 * tests, whose cases the TypeScript side exports.
 */
import { availableParallelism } from "node:os";
import { prepareBuildFolder } from "./support/build-folder.mjs";
import { fromRoot, isProgram } from "./support/paths.mjs";
import { run } from "./support/run.mjs";
import { runSteps } from "./support/steps.mjs";
import { findTools } from "./support/tools.mjs";

const buildFolder = "build/asan";
const caseFolder = "build/native-cases";

/** @type {import("./support/steps.mjs").Step} */
export const nativeTest = {
  name: "native (asan)",
  run: async () => {
    const tools = findTools();
    prepareBuildFolder(fromRoot(buildFolder), tools);
    await run("cmake", ["-S", ".", "-B", buildFolder, "-G", tools.generator, "-DLMSPT_SANITIZE=ON"]);
    await run("cmake", ["--build", buildFolder, "--parallel", String(availableParallelism())]);
    await run(process.execPath, ["dist/scripts/export-native-cases.js", caseFolder]);
    const output = await run(fromRoot(buildFolder, "lmspt-native"), ["test", caseFolder], {
      env: { ASAN_OPTIONS: "strict_string_checks=1", UBSAN_OPTIONS: "print_stacktrace=1" },
      limitSeconds: 300,
    });
    const counts = output.trimEnd().match(/(\d+) passed, (\d+) failed$/);
    if (!counts) throw new Error(`lmspt-native did not close with "N passed, N failed":\n${output}`);
    return { passed: Number(counts[1]), failed: Number(counts[2]) };
  },
};

if (isProgram(import.meta)) {
  const { passed, failed } = await runSteps([nativeTest]);
  if (passed === 0 || failed > 0) process.exitCode = 1;
}

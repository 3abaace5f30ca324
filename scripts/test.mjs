/** The whole test: set-up, checks, mocha, kernels that ran, native run under sanitizers. Closes with "N passed, N failed". */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { checks } from "./check.mjs";
import { cudaReport } from "./cuda-report.mjs";
import { setup } from "./setup.mjs";
import { fromRoot } from "./support/paths.mjs";
import { run } from "./support/run.mjs";
import { printFailure, runSteps, summary } from "./support/steps.mjs";
import { cudaCountsFile, kernelCoverage } from "./test-cuda.mjs";
import { nativeTest } from "./test-native.mjs";

const countsFile = fromRoot("build/mocha-counts.json");

/** @type {import("./support/steps.mjs").Step} */
const mocha = {
  name: "mocha",
  run: async () => {
    mkdirSync(fromRoot("build"), { recursive: true });
    for (const file of [countsFile, cudaCountsFile]) rmSync(file, { force: true });
    const args = ["dist/test/**/*.test.js", "--reporter", "scripts/mocha-reporter.cjs", "-O", `counts=${countsFile}`];
    const failure = await run(
      process.execPath,
      ["--enable-source-maps", fromRoot("node_modules/mocha/bin/mocha.js"), ...args],
      {
        show: true,
        env: { LMSPT_CUDA_COUNTS: cudaCountsFile },
        limitSeconds: 1500,
      },
    ).then(
      () => undefined,
      (error) => error,
    );
    const counts = existsSync(countsFile) ? JSON.parse(readFileSync(countsFile, "utf8")) : undefined;
    if (failure && !(counts?.failed > 0)) throw failure;
    if (counts.passed + counts.failed === 0) throw new Error("mocha found no tests in dist/test");
    return { passed: counts.passed, failed: counts.failed };
  },
};

async function test() {
  try {
    await setup();
  } catch (error) {
    printFailure(error);
    return { passed: 0, failed: 1 };
  }
  // Takes minutes, so that it is left to the whole test of a commit.
  const reports = process.env.LMSPT_CUDA_REPORT === "1" ? [cudaReport] : [];
  return runSteps([...checks, mocha, kernelCoverage, nativeTest, ...reports]);
}

const total = await test();
console.log(`\n${summary(total)}`);
if (total.failed > 0) process.exitCode = 1;

/**
 * Makes a clone ready to use: tools, dependencies, native build, TypeScript build, each only when it is stale.
 * Needs nothing but Node.js itself. Called by `npm run setup`, `npm run demo` and `npm test`.
 */
import { existsSync, readFileSync } from "node:fs";
import { filesIn, fingerprint, readStamp, writeStamp } from "./support/fingerprint.mjs";
import { packagesAreStale } from "./support/packages.mjs";
import { fromRoot, isProgram } from "./support/paths.mjs";
import { run } from "./support/run.mjs";
import { printFailure } from "./support/steps.mjs";
import { findTools } from "./support/tools.mjs";

const nativeStamp = "build/.stamp";
const typescriptStamp = "dist/.stamp";

async function installPackages() {
  if (!packagesAreStale()) return "up to date";
  await run("npm", ["ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]);
  return "installed";
}

/** @param {import("./support/tools.mjs").Tools} tools What the build depends on besides the sources. */
async function buildNative(tools) {
  const current = fingerprint(
    [
      "CMakeLists.txt",
      "scripts/build-native.mjs",
      ...["cmake", "csrc", "bench/kernels", "test/cuda-emulation"].flatMap(filesIn),
    ],
    [
      process.platform,
      process.arch,
      tools.compiler,
      tools.nvcc,
      tools.generator,
      JSON.parse(readFileSync(fromRoot("node_modules/node-addon-api/package.json"), "utf8")).version,
      process.env.LMSPT_BUILD_CUDA ?? "",
      process.env.LMSPT_CUDA_ARCHITECTURES ?? "",
      process.env.LMSPT_BUILD_CUDA_EMULATION ?? "",
    ],
  );
  if (existsSync(fromRoot("build/Release/lmspt.node")) && readStamp(nativeStamp) === current) return "up to date";
  const output = await run(process.execPath, ["scripts/build-native.mjs"]);
  writeStamp(nativeStamp, current);
  const remarks = [...output.matchAll(/^-- lmspt: (.*)$/gm)].map((match) => match[1]);
  return `built, ${remarks.join("; ")}`;
}

async function buildTypeScript() {
  const folders = ["lib", "test", "scripts", "bench", "examples"];
  const current = fingerprint(
    ["tsconfig.json", "package-lock.json", ...folders.flatMap(filesIn).filter((path) => /\.(ts|mjs)$/.test(path))],
    [],
  );
  if (readStamp(typescriptStamp) === current) return "up to date";
  await run(process.execPath, ["scripts/build-typescript.mjs"]);
  writeStamp(typescriptStamp, current);
  return "built";
}

/**
 * Runs one step and prints a line with its result and time.
 * @template T
 * @param {string} name What is being done.
 * @param {() => T | Promise<T>} step Does it and returns what to print, or an object with a summary.
 * @returns {Promise<T>} What the step returned.
 */
async function report(name, step) {
  const start = performance.now();
  const result = await step();
  const text = typeof result === "string" ? result : /** @type {{ summary: string }} */ (result).summary;
  console.log(`${name.padEnd(11)} ${text}  (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  return result;
}

/** Runs all steps; rejects at the first that fails. */
export async function setup() {
  const tools = await report("tools", findTools);
  await report("packages", installPackages);
  await report("native", () => buildNative(tools));
  await report("typescript", buildTypeScript);
}

if (isProgram(import.meta)) {
  await setup().catch((error) => {
    printFailure(error);
    process.exitCode = 1;
  });
}

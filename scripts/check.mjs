/** The checks that run no code of the project: all of them, or those named as arguments. */
import { clangFormat } from "./clang-format.mjs";
import { fromRoot, isProgram } from "./support/paths.mjs";
import { run } from "./support/run.mjs";
import { runSteps } from "./support/steps.mjs";

/**
 * Runs a program of a development dependency.
 * @param {string} path Where it lies below node_modules.
 * @param {...string} args Its arguments.
 */
const tool = async (path, ...args) => void (await run(process.execPath, [fromRoot("node_modules", path), ...args]));

/** @type {import("./support/steps.mjs").Step[]} */
export const checks = [
  { name: "biome", run: () => tool("@biomejs/biome/bin/biome", "check", "--error-on-warnings") },
  { name: "clang-format", run: () => clangFormat(false) },
  {
    name: "types",
    run: async () => {
      await tool("typescript/bin/tsc", "-p", ".", "--noEmit");
      await tool("typescript/bin/tsc", "-p", "scripts");
      await tool("typescript/bin/tsc", "-p", "test/types");
    },
  },
];

if (isProgram(import.meta)) {
  const names = process.argv.slice(2);
  const unknown = names.filter((name) => !checks.some((check) => check.name === name));
  if (unknown.length > 0) {
    console.error(`Unknown check ${unknown.join(", ")}; there are ${checks.map((check) => check.name).join(", ")}`);
    process.exit(2);
  }
  const { failed } = await runSteps(checks.filter((check) => names.length === 0 || names.includes(check.name)));
  if (failed > 0) process.exitCode = 1;
}

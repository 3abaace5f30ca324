/** Checks the formatting of csrc and of the C++ of benchmarks and tests, or mends it with --write, using the clang-format that comes as a dependency. */
import { filesIn } from "./support/fingerprint.mjs";
import { isProgram } from "./support/paths.mjs";
import { run } from "./support/run.mjs";
import { printFailure } from "./support/steps.mjs";

/**
 * @param {boolean} write Whether to change the files.
 * @returns {Promise<string>} What was done.
 * @throws {CommandError} When a file is not formatted and `write` is false.
 */
export async function clangFormat(write) {
  const { default: clang } = await import("clang-format-node");
  let program;
  try {
    program = clang.getClangFormatPath(process.platform, process.arch);
  } catch {
    return `skipped, there is no clang-format for ${process.platform}-${process.arch}`;
  }
  const files = ["csrc", "bench/kernels", "test/cuda-emulation"]
    .flatMap(filesIn)
    .filter((path) => /\.(cc|h|cu|cuh)$/.test(path));
  if (files.length === 0) return "skipped, there are none";
  await run(program, [...(write ? ["-i"] : ["--dry-run", "--Werror"]), ...files]);
  return write ? `formatted ${files.length} files` : "passed";
}

if (isProgram(import.meta)) {
  await clangFormat(process.argv.includes("--write")).then(console.log, (error) => {
    printFailure(error);
    process.exitCode = 1;
  });
}

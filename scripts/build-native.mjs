/**
 * Builds the native part into build/Release by way of cmake-js: the addon, the C library, the runner and, where nvcc is
 * found, the CUDA library. node-gyp (binding.gyp), prebuildify and the set-up all come here.
 *
 * Environment: LMSPT_BUILD_CUDA=0 leaves out the CUDA library; LMSPT_CUDA_ARCHITECTURES is "native" (default), "all" or
 * a CMake list such as "86;90a". In a checkout, what the tests run CUDA kernels on without a GPU is built too;
 * LMSPT_BUILD_CUDA_EMULATION=0 leaves it out.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { prepareBuildFolder } from "./support/build-folder.mjs";
import { fromRoot, root } from "./support/paths.mjs";
import { findTools } from "./support/tools.mjs";

const buildFolder = fromRoot("build", "cmake");

function findToolsOrExit() {
  try {
    return findTools();
  } catch (error) {
    console.error(`lmspt cannot be built here. ${/** @type {Error} */ (error).message}`);
    process.exit(1);
  }
}

/** @param {...string} args Arguments of cmake-js. */
function cmakeJs(...args) {
  const program = createRequire(import.meta.url).resolve("cmake-js/bin/cmake-js");
  // Of a make that runs this script; the build is not part of its job.
  const { MAKEFLAGS: _, MAKELEVEL: __, ...env } = process.env;
  const { status, error } = spawnSync(
    process.execPath,
    [program, ...args, "--directory", root, "--out", buildFolder, "--log-level", "warn"],
    { stdio: "inherit", env },
  );
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

const tools = findToolsOrExit();
prepareBuildFolder(buildFolder, tools);
const emulation = existsSync(fromRoot("test", "cuda-emulation")) && process.env.LMSPT_BUILD_CUDA_EMULATION !== "0";
cmakeJs(
  "configure",
  "--generator",
  tools.generator,
  `--CDLMSPT_CUDA=${process.env.LMSPT_BUILD_CUDA === "0" ? "OFF" : "ON"}`,
  `--CDLMSPT_CUDA_EMULATION=${emulation ? "ON" : "OFF"}`,
  `--CDLMSPT_CUDA_ARCHITECTURES=${process.env.LMSPT_CUDA_ARCHITECTURES ?? "native"}`,
);
cmakeJs("build", "--parallel", String(availableParallelism()));

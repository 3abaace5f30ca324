/**
 * Fills prebuilds/<platform>-<arch>/ by way of prebuildify and node-gyp: the stripped addon and the shared libraries that
 * lie beside it, the CUDA library for every supported architecture unless LMSPT_CUDA_ARCHITECTURES says otherwise.
 * Run by `npm run prebuild`: npm brings node-gyp.
 */
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fromRoot } from "./support/paths.mjs";
import { run } from "./support/run.mjs";
import { printFailure } from "./support/steps.mjs";

/** Node.js brings its headers, which spares node-gyp their download; some distributions keep them elsewhere. */
const ownFolder = dirname(dirname(process.execPath));
const headers = existsSync(join(ownFolder, "include/node/common.gypi")) ? { npm_config_nodedir: ownFolder } : {};

const args = ["--napi", "--strip", "--tag-libc", "--target", process.versions.node];
try {
  rmSync(fromRoot("prebuilds", `${process.platform}-${process.arch}`), { recursive: true, force: true });
  await run(process.execPath, [fromRoot("node_modules/prebuildify/bin.js"), ...args], {
    show: true,
    env: { LMSPT_CUDA_ARCHITECTURES: process.env.LMSPT_CUDA_ARCHITECTURES ?? "all", ...headers },
  });
} catch (error) {
  printFailure(error);
  process.exitCode = 1;
}

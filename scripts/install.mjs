/** What `npm install` runs: nothing where a prebuilt or built addon loads, otherwise the native build. No downloads. */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function addonLoads() {
  try {
    createRequire(import.meta.url)("node-gyp-build")(root);
    return true;
  } catch {
    return false;
  }
}

const fromSource = process.env.npm_config_build_from_source;
const wanted = fromSource === "true" || fromSource?.split(",").includes("lmspt");
if (wanted || !addonLoads()) await import("./build-native.mjs");

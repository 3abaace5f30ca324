import { existsSync, readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { fromRoot } from "./paths.mjs";

/** @param {string} path JSON file below the root. */
const readJson = (path) => JSON.parse(readFileSync(fromRoot(path), "utf8"));

/**
 * Compares package-lock.json with the list that npm leaves in node_modules of what it has installed.
 * @returns {boolean} Whether `npm ci` has to run. Packages that are only for other platforms may be missing.
 */
export function packagesAreStale() {
  if (!existsSync(fromRoot("node_modules/.package-lock.json"))) return true;
  const { "": own, ...wanted } = readJson("package-lock.json").packages;
  const { dependencies, devDependencies } = readJson("package.json");
  if (!isDeepStrictEqual([own.dependencies, own.devDependencies], [dependencies, devDependencies])) return true;
  const installed = readJson("node_modules/.package-lock.json").packages;
  return Object.entries(wanted).some(([path, entry]) =>
    installed[path] ? installed[path].integrity !== entry.integrity : !entry.optional,
  );
}

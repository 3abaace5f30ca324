import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fromRoot } from "./paths.mjs";

/**
 * @param {string} folder Path below the root.
 * @returns {string[]} Its files at any depth, as paths below the root, sorted; none if there is no such folder.
 */
export function filesIn(folder) {
  if (!existsSync(fromRoot(folder))) return [];
  return readdirSync(fromRoot(folder), { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(fromRoot(path)).isFile())
    .sort();
}

/**
 * @param {string[]} files Paths below the root; names and contents count.
 * @param {string[]} facts Anything else that the result depends on.
 * @returns {string} A SHA-256 over all of it.
 */
export function fingerprint(files, facts) {
  const hash = createHash("sha256");
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(readFileSync(fromRoot(file)))
      .update("\0");
  for (const fact of facts) hash.update(`${fact}\0`);
  return hash.digest("hex");
}

/**
 * @param {string} path Stamp file below the root.
 * @returns {string} The fingerprint it holds, or "" if there is none.
 */
export const readStamp = (path) => (existsSync(fromRoot(path)) ? readFileSync(fromRoot(path), "utf8") : "");

/**
 * @param {string} path Stamp file below the root.
 * @param {string} value The fingerprint to keep.
 */
export function writeStamp(path, value) {
  mkdirSync(dirname(fromRoot(path)), { recursive: true });
  writeFileSync(fromRoot(path), value);
}

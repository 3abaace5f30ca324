import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./paths.mjs";

/**
 * Makes a folder ready for CMake, emptying one that was made by other tools or for another place: CMake refuses the
 * latter, and would keep the objects of an older compiler.
 * @param {string} folder Absolute path.
 * @param {import("./tools.mjs").Tools} tools What will build in it.
 */
export function prepareBuildFolder(folder, { compiler, nvcc, generator }) {
  const mark = join(folder, ".made-with");
  const maker = [root, compiler, nvcc, generator].join("\n");
  if (existsSync(mark) && readFileSync(mark, "utf8") === maker) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(mark, maker);
}

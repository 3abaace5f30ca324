/** Removes everything that the scripts generate, but not the installed packages. */
import { rmSync } from "node:fs";
import { fromRoot } from "./support/paths.mjs";

for (const path of ["build", "dist", "prebuilds", "coverage", "docs/api"]) {
  rmSync(fromRoot(path), { recursive: true, force: true });
}

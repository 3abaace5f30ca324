/** Compiles the TypeScript sources into dist/, removes what has lost its source, and writes the ESM entry point. */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { filesIn } from "./support/fingerprint.mjs";
import { fromRoot, root } from "./support/paths.mjs";
import { writeEsmEntry } from "./write-esm-entry.mjs";

const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const { status } = spawnSync(process.execPath, [compiler, "-p", "."], { cwd: root, stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);

const emitted = /(\.d\.ts|\.js|\.js\.map)$/;
for (const file of filesIn("dist")) {
  if (!emitted.test(file)) continue;
  const source = file.replace(emitted, ".ts").slice(join("dist", "/").length);
  if (!existsSync(fromRoot(source))) rmSync(fromRoot(file));
}

writeEsmEntry(fromRoot("dist", "lib"));

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../io/package-root.js";

/** The version in package.json. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as { version: string }).version;
}

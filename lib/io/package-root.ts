import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The package's root folder: the nearest one above that holds package.json. */
export function packageRoot(): string {
  let folder = __dirname;
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The package's root folder: the nearest one above that holds package.json. */
export function packageRoot(): string {
  let folder = __dirname;
  while (!existsSync(join(folder, "package.json"))) {
    if (folder === dirname(folder)) throw new Error(`No folder above ${__dirname} holds the package.json of lmspt`);
    folder = dirname(folder);
  }
  return folder;
}

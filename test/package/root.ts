import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

function packageFolder(start: string): string {
  return existsSync(join(start, "package.json")) ? start : packageFolder(dirname(start));
}

/** The folder that holds package.json. */
export const root = packageFolder(__dirname);

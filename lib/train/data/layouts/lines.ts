import { readFile } from "node:fs/promises";
import { explainIo } from "../../../io/system-errors.js";

/** A line of a text file that is not empty; `place` is `path:number`. */
export interface PlacedLine {
  readonly line: string;
  readonly place: string;
}

/** @throws LmsptError ERR_LMSPT_IO */
export function readText(path: string): Promise<string> {
  return explainIo(`Cannot read ${path}`, () => readFile(path, "utf8"));
}

export async function readLines(path: string): Promise<PlacedLine[]> {
  const lines = (await readText(path)).split(/\r?\n/);
  return lines.map((line, index) => ({ line, place: `${path}:${index + 1}` })).filter(({ line }) => line.trim() !== "");
}

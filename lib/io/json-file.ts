import { readFile } from "node:fs/promises";
import { FormatError } from "../errors.js";
import { explainIo } from "./system-errors.js";

/** What a JSON file holds. @throws LmsptError ERR_LMSPT_IO, FormatError where it is not valid JSON */
export async function readJsonFile(path: string): Promise<unknown> {
  const text = await explainIo(`Cannot read ${path}`, () => readFile(path, "utf8"));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FormatError(`${path} is not valid JSON: ${(cause as Error).message}`, undefined, { cause });
  }
}

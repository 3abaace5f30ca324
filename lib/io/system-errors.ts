/** Errors of the operating system, and what can be asked of a path without raising them. */
import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { LmsptError } from "../errors.js";

/** What lies at `path` (links followed), or undefined when nothing does. */
export async function statIfPresent(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** True when a regular file lies at `path` (links followed). */
export async function isFile(path: string): Promise<boolean> {
  return (await statIfPresent(path))?.isFile() ?? false;
}

/** Runs `action`; an error of the operating system in it becomes ERR_LMSPT_IO with `failure` before its message. */
export async function explainIo<T>(failure: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const fromSystem = error instanceof Error && (error as NodeJS.ErrnoException).syscall !== undefined;
    throw fromSystem ? new LmsptError("ERR_LMSPT_IO", `${failure}: ${error.message}`, { cause: error }) : error;
  }
}

/** True when `error` is an error of the operating system with one of `codes`. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && codes.includes((error as NodeJS.ErrnoException).code ?? "");
}

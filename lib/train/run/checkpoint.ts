/**
 * Checkpoints: folders such as `epoch-003_step-0010000` that appear when they are complete. Each is a model folder too: what is
 * trained lies in it under its public names, with its configuration.
 */
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeText } from "../../io/atomic-file.js";
import { readJsonFile } from "../../io/json-file.js";
import { explainIo, hasCode } from "../../io/system-errors.js";
import type { Progress } from "./state.js";

const NAME = /^epoch-(\d{3,})_step-(\d{7,})$/;
const PARTIAL = ".partial";

export function checkpointName({ epoch, step }: Progress): string {
  return `epoch-${String(epoch).padStart(3, "0")}_step-${String(step).padStart(7, "0")}`;
}

/**
 * Makes a checkpoint below `folder`: `write` fills the folder that it is given, beside which where the run stands is told.
 * Returns its path. @throws LmsptError ERR_LMSPT_IO
 */
export async function saveCheckpoint(
  folder: string,
  state: Progress,
  write: (folder: string) => Promise<void>,
): Promise<string> {
  const path = join(folder, checkpointName(state));
  const partial = path + PARTIAL;
  await explainIo(`Cannot write the checkpoint ${path}`, async () => {
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    await write(partial);
    await writeText(join(partial, "state.json"), JSON.stringify(state, undefined, 2));
    await rm(path, { recursive: true, force: true });
    await rename(partial, path);
  });
  return path;
}

/** The names of the checkpoints below `folder`, the oldest first. */
export async function listCheckpoints(folder: string): Promise<string[]> {
  try {
    const names = (await readdir(folder)).filter((name) => NAME.test(name));
    return names.sort((a, b) => stepOf(a) - stepOf(b));
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

export async function loadState<State extends Progress>(path: string): Promise<State> {
  return (await readJsonFile(join(path, "state.json"))) as State;
}

/** Removes all but the newest `keep` checkpoints and the best one, and what unfinished ones left. */
export async function pruneCheckpoints(folder: string, keep: number, best: string | undefined): Promise<void> {
  const names = await listCheckpoints(folder);
  const unfinished = (await readdir(folder)).filter((name) => name.endsWith(PARTIAL));
  const old = names.slice(0, Math.max(0, names.length - keep)).filter((name) => name !== best);
  await explainIo(`Cannot remove old checkpoints in ${folder}`, async () => {
    for (const name of [...old, ...unfinished]) await rm(join(folder, name), { recursive: true, force: true });
  });
}

function stepOf(name: string): number {
  return Number(NAME.exec(name)![2]);
}

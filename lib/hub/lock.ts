import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { hasCode } from "../io/system-errors.js";
import { pause } from "./retry.js";

/** How a lock is watched. All times in milliseconds. */
export interface LockTimes {
  /** How often a waiting process looks. */
  readonly pollMs: number;
  /** How often the owner touches its lock file. */
  readonly heartbeatMs: number;
  /** A lock that was not touched for so long, seen by one waiting process, has lost its owner. */
  readonly staleMs: number;
}

const DEFAULT_TIMES: LockTimes = { pollMs: 100, heartbeatMs: 5_000, staleMs: 30_000 };

/** What a lock file holds: `token` tells one lock from the next, `pid` and `host` say whose it is. */
interface LockOwner {
  readonly token: string;
  readonly pid: number;
  readonly host: string;
}

/**
 * Runs `action` while holding the lock file `path`; others, in this process or elsewhere, wait. A lock whose owner died
 * is taken over: at once when its process is gone from this machine, else after `staleMs` without a heartbeat.
 * Rejects with `signal.reason` when aborted while waiting.
 */
export async function withFileLock<T>(
  path: string,
  signal: AbortSignal | undefined,
  action: () => Promise<T>,
  times: LockTimes = DEFAULT_TIMES,
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const token = randomUUID();
  const handle = await acquire(path, token, signal, times);
  const heartbeat = setInterval(() => touch(handle), times.heartbeatMs);
  try {
    return await action();
  } finally {
    clearInterval(heartbeat);
    await handle.close();
    if ((await readOwner(path))?.token === token) await rm(path, { force: true });
  }
}

async function acquire(
  path: string,
  token: string,
  signal: AbortSignal | undefined,
  times: LockTimes,
): Promise<FileHandle> {
  let watched: { version: string; since: number } | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const handle = await create(path, token);
    if (handle !== undefined) return handle;

    const version = await versionOf(path);
    if (version === undefined) continue;
    if (version !== watched?.version) watched = { version, since: performance.now() };
    const owner = await readOwner(path);
    if (isDead(owner) || performance.now() - watched.since >= times.staleMs) {
      await breakLock(path, owner);
    } else {
      await pause(times.pollMs, signal);
    }
  }
}

/** Creates the lock file; undefined when somebody else has it. */
async function create(path: string, token: string): Promise<FileHandle | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, "wx");
  } catch (error) {
    if (hasCode(error, "EEXIST")) return undefined;
    throw error;
  }
  try {
    const owner: LockOwner = { token, pid: process.pid, host: hostname() };
    await handle.writeFile(JSON.stringify(owner));
    return handle;
  } catch (error) {
    await handle.close();
    await rm(path, { force: true });
    throw error;
  }
}

/** Changes with every heartbeat, and never depends on the clocks of two machines agreeing. */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { ino, mtimeMs } = await stat(path);
    return `${ino} ${mtimeMs}`;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Undefined when the file is gone, or its owner has not written it yet. */
async function readOwner(path: string): Promise<LockOwner | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as LockOwner;
  } catch (error) {
    if (error instanceof SyntaxError || hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function isDead(owner: LockOwner | undefined): boolean {
  if (owner?.host !== hostname()) return false;
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return hasCode(error, "ESRCH");
  }
}

/** Renaming lets one of several waiting processes win; a lock renewed in between is put back. */
async function breakLock(path: string, owner: LockOwner | undefined): Promise<void> {
  const aside = `${path}.${randomUUID().slice(0, 8)}.stale`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw error;
  }
  if ((await readOwner(aside))?.token === owner?.token) await rm(aside, { force: true });
  else await rename(aside, path);
}

function touch(handle: FileHandle): void {
  const now = new Date();
  handle.utimes(now, now).catch(() => undefined);
}

import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { main } from "../../lib/cli/main.js";
import type { Terminal } from "../../lib/cli/terminal.js";
import { root } from "../package/root.js";

/** A model that is made in milliseconds. */
export const TINY = ["--model", "random:1:tiny"];

export const speech = join(root, "test/fixtures/audio/speech-1s.wav");

/** What a run of the program gave. */
export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A stream that keeps what is written to it. */
export class Capture extends Writable {
  readonly isTTY: boolean;
  readonly columns = 200;
  text = "";

  constructor(isTTY = false) {
    super();
    this.isTTY = isTTY;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** Two captured streams in place of a terminal's. */
export function captureTerminal(isTTY = false): Terminal & { stdout: Capture; stderr: Capture } {
  return { stdout: new Capture(isTTY), stderr: new Capture(isTTY) };
}

/** Runs the program inside this process. */
export async function run(...args: string[]): Promise<Outcome> {
  const terminal = captureTerminal();
  const status = await main(args, terminal);
  return { status, stdout: terminal.stdout.text, stderr: terminal.stderr.text };
}

/** Runs a script of Node.js as a process of its own; `onOutput` sees standard error as it grows. */
export function runChild(
  script: string,
  args: readonly string[],
  onOutput: (child: { kill(signal: NodeJS.Signals): void }, stderr: string) => void = () => {},
): Promise<Outcome> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
    onOutput(child, stderr);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stdout, stderr }));
  });
}

/** The launcher that `npx lmspt` starts. */
export const launcher = join(root, "bin/lmspt.js");

/** A folder that is removed after each test of the suite. */
export function temporaryFolder(): (...parts: string[]) => string {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "lmspt-cli-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  return (...parts) => join(folder, ...parts);
}

/** All files below a folder but the journal, relative to it, sorted, with forward slashes. */
export async function tree(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name !== ".lmspt-journal.jsonl");
  return files
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll("\\", "/"),
    )
    .sort();
}

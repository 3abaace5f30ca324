import { randomBytes } from "node:crypto";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, extname, join, relative, sep } from "node:path";
import { LmsptError } from "../errors.js";
import { explainIo } from "../io/system-errors.js";
import { existingOutput, type Job, type Target } from "./jobs.js";
import { Journal } from "./journal.js";

/** `"todo"`, `"done"` by an earlier run, or the reason why it must not be done. */
export type JobState = "todo" | "done" | LmsptError;

export interface OutputOptions {
  /** Model and settings: files made with others are not the same. */
  readonly made: Readonly<Record<string, string | number | undefined>>;
  /** Whether everything is made anew, and existing files are replaced. */
  readonly force: boolean;
}

/** One file for every job. In a folder, a journal tells which of them are done. */
export class FileOutputs implements AsyncDisposable {
  private constructor(
    private readonly target: Target,
    private readonly made: string,
    private readonly force: boolean,
    /** Undefined where the target is a single file, which people look after themselves. */
    private readonly journal: Journal | undefined,
  ) {}

  static async open(target: Target, { made, force }: OutputOptions): Promise<FileOutputs> {
    if (target.kind === "file") return new FileOutputs(target, "", force, undefined);
    await makeFolder(target.path);
    return new FileOutputs(target, JSON.stringify(made), force, await Journal.open(target.path));
  }

  async state({ output }: Job, source: string): Promise<JobState> {
    if (this.force || !this.journal) return "todo";
    const problem = await existingOutput(output);
    if (problem === undefined) return "todo";
    const record = this.journal.find(this.below(output));
    if (record === undefined || record.identity !== (await identityOf(output))) return problem;
    if (record.source !== source) return replaceable(output, "from another version of the input");
    if (record.made !== this.made) return replaceable(output, "by another model or with other settings");
    return "done";
  }

  /**
   * Lets `write` make a file, whole or not at all, which becomes the output of the job. Where that fails, what stood
   * there before stays.
   */
  async save({ output }: Job, source: string, write: (path: string) => Promise<void>): Promise<void> {
    await makeFolder(dirname(output));
    if (!this.journal) return write(output);
    const staged = join(dirname(output), `.lmspt-${randomBytes(6).toString("hex")}${extname(output)}`);
    try {
      await write(staged);
      const record = { output: this.below(output), source, made: this.made, identity: await identityOf(staged) };
      await this.journal.add(record);
      await explainIo(`Cannot write ${output}`, () => rename(staged, output));
    } catch (error) {
      await rm(staged, { force: true }).catch(() => {});
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.journal?.[Symbol.asyncDispose]();
  }

  private below(output: string): string {
    return relative(this.target.path, output).replaceAll(sep, "/");
  }
}

function makeFolder(path: string): Promise<unknown> {
  return explainIo(`Cannot make the folder ${path}`, () => mkdir(path, { recursive: true }));
}

async function identityOf(path: string): Promise<string> {
  const { size, mtimeNs } = await explainIo(`Cannot look at ${path}`, () => stat(path, { bigint: true }));
  return `${size} bytes, changed ${mtimeNs}`;
}

function replaceable(output: string, origin: string): LmsptError {
  return new LmsptError("ERR_LMSPT_IO", `${output} exists already, made ${origin}; --overwrite replaces it`);
}

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { TokenArchiveWriter } from "../data/token-archive-writer.js";
import type { TokenSpec, Tokens } from "../data/tokens.js";
import { LmsptError } from "../errors.js";
import { withFileLock } from "../hub/lock.js";
import { explainIo, isFile } from "../io/system-errors.js";
import { CommandFailure, EXIT } from "./failure.js";
import type { JobState } from "./file-outputs.js";
import type { Job } from "./jobs.js";
import { printNotice, type Session } from "./terminal.js";

const LOCK_NAME = ".writer.lock";

/** One archive for all jobs. */
export class ArchiveOutput {
  private constructor(
    private readonly writer: TokenArchiveWriter,
    private readonly force: boolean,
  ) {}

  /** Opens the archive for `use`, alone: another process that writes it is waited for. */
  static async open<T>(
    folder: string,
    options: { spec: TokenSpec; shardBytes: number | undefined; force: boolean; session: Session },
    use: (output: ArchiveOutput) => Promise<T>,
  ): Promise<T> {
    const { spec, shardBytes, force, session } = options;
    const { signal, terminal } = session;
    await explainIo(`Cannot make the folder ${folder}`, () => mkdir(folder, { recursive: true }));
    const lock = join(folder, LOCK_NAME);
    if (await isFile(lock)) printNotice(terminal, `${folder} may be in use by another process; waiting for it to end`);
    return withFileLock(lock, signal, async () => {
      const opening = TokenArchiveWriter.open(folder, spec, { shardBytes, signal });
      await using writer = await opening.catch((error) => {
        throw unusable(error);
      });
      return await use(new ArchiveOutput(writer, force));
    });
  }

  async state({ name }: Job, source: string): Promise<JobState> {
    const entry = this.writer.entry(name);
    if (this.force || entry === undefined) return "todo";
    if (entry.source === source) return "done";
    const message = `${this.writer.folder} holds ${name} already, made from another version of the input`;
    return new LmsptError("ERR_LMSPT_IO", `${message}; --overwrite replaces it`);
  }

  async save({ name }: Job, source: string, tokens: Tokens): Promise<void> {
    try {
      await this.writer.append(name, tokens, { source });
    } catch (error) {
      const blame = error instanceof LmsptError && error.code === "ERR_LMSPT_INVALID_ARGUMENT";
      throw blame ? error : unusable(error);
    }
  }
}

/** An archive that takes nothing more ends the command. */
function unusable(error: unknown): unknown {
  return error instanceof LmsptError ? new CommandFailure(EXIT.unusable, error.message, { cause: error }) : error;
}

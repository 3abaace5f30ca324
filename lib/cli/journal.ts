import { type FileHandle, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readSealedLines, sealLine } from "../data/sealed-lines.js";
import { explainIo, statIfPresent } from "../io/system-errors.js";

/** How a file in a folder of outputs came about. */
export interface OutputRecord {
  /** Its path below the folder, with forward slashes. */
  readonly output: string;
  /** The identity of what it was made from. */
  readonly source: string;
  /** Model and settings that it was made with. */
  readonly made: string;
  /** Its size and time of change. */
  readonly identity: string;
}

const JOURNAL_NAME = ".lmspt-journal.jsonl";

/**
 * Remembers in the hidden file `.lmspt-journal.jsonl` how the files in a folder were made. A record is on the disk before
 * its file gets its name, so whenever the program stops, every file that it made has one. A record without its file, or
 * whose file has another identity, means nothing.
 */
export class Journal implements AsyncDisposable {
  private lastStep: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
    private readonly records: Map<string, OutputRecord>,
  ) {}

  /** Opens the journal of a folder that exists. @throws LmsptError ERR_LMSPT_IO */
  static async open(folder: string): Promise<Journal> {
    const path = join(folder, JOURNAL_NAME);
    return explainIo(`Cannot open the journal ${path}`, async () => {
      const bytes = (await statIfPresent(path)) ? await readFile(path) : Buffer.alloc(0);
      const records = new Map<string, OutputRecord>();
      for (const { value } of readSealedLines(bytes)) {
        if (value) records.set(String(value.output), value as unknown as OutputRecord);
      }
      const file = await open(path, "a");
      // A line that was never finished must not take the next one with it.
      if (bytes.length > 0 && bytes.at(-1) !== 0x0a) await file.appendFile("\n");
      return new Journal(path, file, records);
    });
  }

  find(output: string): OutputRecord | undefined {
    return this.records.get(output);
  }

  /** Resolves when the record is on the disk. @throws LmsptError ERR_LMSPT_IO */
  async add(record: OutputRecord): Promise<void> {
    const { output, source, made, identity } = record;
    const added = this.lastStep.then(() =>
      explainIo(`Cannot write the journal ${this.path}`, async () => {
        await this.file.appendFile(sealLine({ output, source, made, identity }));
        await this.file.datasync();
      }),
    );
    this.lastStep = added.catch(() => {});
    await added;
    this.records.set(output, record);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lastStep;
    await this.file.close();
  }
}

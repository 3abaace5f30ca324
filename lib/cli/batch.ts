import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { LmsptError } from "../errors.js";
import { explainIo } from "../io/system-errors.js";
import type { Tokenizer } from "../models/tokenizer.js";
import { type JobResult, startBatchProgress } from "./batch-progress.js";
import { CommandFailure, describeError, EXIT, type ExitStatus } from "./failure.js";
import type { FailedInput, Job, JobPlan } from "./jobs.js";
import { type ModelOptions, withTokenizer } from "./model.js";
import { printNotice, type Session } from "./terminal.js";
import { formatCount, formatDuration, formatSpeed } from "./units.js";

/** Makes `job.output`, whole or not at all; its folder exists. */
export type Convert = (
  job: Job,
  onProgress: (doneSeconds: number, totalSeconds: number) => void,
) => Promise<Omit<JobResult, "workSeconds">>;

export interface Conversion {
  /** `Encoded` or `Decoded`. */
  readonly verb: string;
  /** Checks the options against the model and gives the work on one job. */
  prepare(tokenizer: Tokenizer): Convert;
}

/**
 * Carries out a plan, one job after the other. Failed inputs do not stop the rest and are reported at the end; an abort
 * and a lost device do. The model is loaded only where there is something to do.
 */
export async function convertAll(
  plan: JobPlan,
  options: ModelOptions,
  session: Session,
  { verb, prepare }: Conversion,
): Promise<ExitStatus> {
  const results = new BatchResults(plan);
  try {
    if (plan.jobs.length > 0) {
      await withTokenizer(options, session, async (tokenizer) => {
        const convert = prepare(tokenizer);
        await runJobs(plan.jobs, convert, { results, session, quiet: options.quiet ?? false });
        if (!options.quiet) printNotice(session.terminal, `${verb} ${results.summary()}`);
      });
    }
  } finally {
    for (const { input, error } of results.failed) {
      printNotice(session.terminal, `Failed: ${input}: ${describeError(error)}`);
    }
  }
  return results.failed.length === 0 ? EXIT.done : EXIT.inputFailed;
}

/** What has come out of a plan so far. */
class BatchResults {
  readonly failed: FailedInput[];
  readonly #total: number;
  #done = 0;
  #seconds = 0;
  #workSeconds = 0;

  constructor({ jobs, failed }: JobPlan) {
    this.failed = [...failed];
    this.#total = jobs.length + failed.length;
  }

  add({ seconds, workSeconds }: JobResult): void {
    this.#done++;
    this.#seconds += seconds;
    this.#workSeconds += workSeconds;
  }

  /** Such as `3 of 4 files: 15.60 s of speech in 2.10 s, 7.4x real time`. */
  summary(): string {
    const files = `${this.#done} of ${formatCount(this.#total, "file")}`;
    const time = `${formatDuration(this.#seconds)} of speech in ${formatDuration(this.#workSeconds)}`;
    return `${files}: ${time}, ${formatSpeed(this.#seconds, this.#workSeconds)}`;
  }
}

async function runJobs(
  jobs: readonly Job[],
  convert: Convert,
  { results, session, quiet }: { results: BatchResults; session: Session; quiet: boolean },
): Promise<void> {
  const progress = startBatchProgress(session.terminal, jobs.length, quiet);
  try {
    for (const job of jobs) {
      session.signal.throwIfAborted();
      const startTime = performance.now();
      progress.begin(job);
      try {
        await explainIo(`Cannot make the folder of ${job.output}`, () =>
          mkdir(dirname(job.output), { recursive: true }),
        );
        const converted = await convert(job, (done, total) => progress.advance(done, total));
        const result = { ...converted, workSeconds: (performance.now() - startTime) / 1000 };
        results.add(result);
        progress.end(job, result);
      } catch (error) {
        session.signal.throwIfAborted();
        rethrowLostDevice(error, job);
        results.failed.push({ input: job.input, error });
        progress.end(job, undefined);
      }
    }
  } finally {
    progress.stop();
  }
}

function rethrowLostDevice(error: unknown, { input }: Job): void {
  if (error instanceof LmsptError && error.code === "ERR_LMSPT_DEVICE") {
    throw new CommandFailure(EXIT.unusable, `${input}: ${error.message}`, { cause: error });
  }
}

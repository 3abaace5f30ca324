import { LmsptError } from "../errors.js";
import { Batcher } from "../models/batcher.js";
import { MOST_ITEMS } from "../models/ragged-batch.js";
import type { Tokenizer } from "../models/tokenizer.js";
import { forEachAhead } from "./ahead.js";
import { type BatchProgress, startBatchProgress } from "./batch-progress.js";
import { BatchResults, type JobResult } from "./batch-results.js";
import { CommandFailure, EXIT, type ExitStatus } from "./failure.js";
import type { JobState } from "./file-outputs.js";
import type { Job, JobPlan } from "./jobs.js";
import { type ModelOptions, withTokenizer } from "./model.js";
import type { SourceFacts } from "./sources.js";
import { printNotice, type Session } from "./terminal.js";

/** Jobs that are read, computed or written at the same time: a batch of the device, and some on their way. */
const MOST_AHEAD = 12;
/** The same where many go together whatever their lengths: two batches, and some to be read. */
const MOST_AHEAD_MIXED = 2 * MOST_ITEMS + 8;
/** What their samples may take in memory. Long inputs are streamed, whatever their length: two go beside each other. */
const MEMORY_AHEAD = 2 ** 29;
const MOST_PER_JOB = MEMORY_AHEAD / 2;
/** Files that are looked at before the work begins, at a time. */
const LOOKED_AT_ONCE = 32;

/** A job whose input was looked at. */
export interface ReadyJob extends Job, SourceFacts {}

/** What is done with the jobs of a plan. */
export interface Work {
  /** Whether there is anything to do. */
  state(job: ReadyJob): Promise<JobState>;
  /** Makes the output, whole or not at all. */
  convert(job: ReadyJob, onProgress: (doneSeconds: number, totalSeconds: number) => void): Promise<JobResult>;
}

/** What the work is done with. */
export interface Machinery {
  readonly tokenizer: Tokenizer;
  /** For items that are small enough to wait for others in memory. */
  readonly batcher: Batcher;
}

export interface Conversion {
  /** `Encoded` or `Decoded`. */
  readonly verb: string;
  /** Checks the options against the model, opens the outputs, and closes them when `run` is done with the work. */
  withWork(machinery: Machinery, run: (work: Work) => Promise<void>): Promise<void>;
}

/**
 * Carries out a plan; reading, computing and writing of different jobs overlap. What an earlier run has done is passed
 * over. Failed inputs do not stop the rest and are reported at the end; an abort, a lost device and outputs that take
 * nothing more do. The model is loaded only where there is something to look at.
 */
export async function convertAll(
  plan: JobPlan,
  options: ModelOptions,
  session: Session,
  { verb, withWork }: Conversion,
): Promise<ExitStatus> {
  const results = new BatchResults(plan);
  const quiet = options.quiet ?? false;
  try {
    if (plan.jobs.length > 0) {
      await withTokenizer(options, session, async (tokenizer) => {
        await withWork({ tokenizer, batcher: new Batcher(tokenizer) }, async (work) => {
          const jobs = await findWork(plan.jobs, work, results, session.signal);
          const progress = progressOf(jobs, session, quiet);
          const most = tokenizer.mixedFrames > 0 ? MOST_AHEAD_MIXED : MOST_AHEAD;
          await doWork(jobs, work, { results, signal: session.signal, progress, most });
        });
        if (!quiet) printNotice(session.terminal, `${verb} ${results.summary()}`);
      });
    }
  } finally {
    results.printFailures(session.terminal);
  }
  return results.failed.length === 0 ? EXIT.done : EXIT.inputFailed;
}

function progressOf(jobs: readonly ReadyJob[], { terminal }: Session, quiet: boolean): BatchProgress {
  return startBatchProgress(terminal, jobs.length, quiet);
}

/**
 * The jobs that are still to be done, ordered by kind and size: neighbours of equal length go together. The largest come
 * first, so that the device's memory need not grow again and again.
 */
async function findWork(
  jobs: readonly Job[],
  work: Work,
  results: BatchResults,
  signal: AbortSignal,
): Promise<ReadyJob[]> {
  const ready: ReadyJob[] = [];
  await forEachAhead(jobs, { most: LOOKED_AT_ONCE }, async (job) => {
    signal.throwIfAborted();
    try {
      const readyJob = { ...job, ...(await job.source.facts()) };
      const state = await work.state(readyJob);
      if (state === "todo") ready.push(readyJob);
      else if (state === "done") results.addDone();
      else results.addFailure(job, state);
    } catch (error) {
      results.addFailure(job, error);
    }
  });
  return ready.sort((a, b) => compare(a.source.kind, b.source.kind) || b.bytes - a.bytes || compare(a.name, b.name));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

async function doWork(
  jobs: readonly ReadyJob[],
  work: Work,
  {
    results,
    signal,
    progress,
    most,
  }: { results: BatchResults; signal: AbortSignal; progress: BatchProgress; most: number },
): Promise<void> {
  results.start();
  try {
    const limits = {
      most,
      budget: MEMORY_AHEAD,
      costOf: ({ memory }: ReadyJob) => Math.min(memory, MOST_PER_JOB),
    };
    await forEachAhead(jobs, limits, async (job) => {
      signal.throwIfAborted();
      progress.begin(job);
      try {
        const result = await work.convert(job, (done, total) => progress.advance(job, done, total));
        progress.end(job, results.add(result));
      } catch (error) {
        signal.throwIfAborted();
        rethrowFatal(error, job);
        results.addFailure(job, error);
        progress.end(job, undefined);
      }
    });
  } finally {
    progress.stop();
  }
}

function rethrowFatal(error: unknown, { input }: Job): void {
  if (error instanceof CommandFailure) throw error;
  if (error instanceof LmsptError && error.code === "ERR_LMSPT_DEVICE") {
    throw new CommandFailure(EXIT.unusable, `${input}: ${error.message}`, { cause: error });
  }
}

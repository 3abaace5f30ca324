import { describeError } from "./failure.js";
import type { FailedInput, Job, JobPlan } from "./jobs.js";
import { printNotice, type Terminal } from "./terminal.js";
import { formatCount, formatDuration, formatSpeed } from "./units.js";

/** What came out of a job. */
export interface JobResult {
  /** Seconds of speech. */
  readonly seconds: number;
  /** A few words about the output. */
  readonly summary: string;
}

/** A result with the time that it took since the one before, while others were under way too. */
export interface TimedResult extends JobResult {
  readonly workSeconds: number;
}

/** What has come out of a plan so far. */
export class BatchResults {
  readonly failed: FailedInput[];
  readonly #total: number;
  #made = 0;
  #done = 0;
  #seconds = 0;
  #workSeconds = 0;
  #lastTime = performance.now();

  constructor({ jobs, failed }: JobPlan) {
    this.failed = [...failed];
    this.#total = jobs.length + failed.length;
  }

  /** The work begins now. */
  start(): void {
    this.#lastTime = performance.now();
  }

  add(result: JobResult): TimedResult {
    const now = performance.now();
    const workSeconds = (now - this.#lastTime) / 1000;
    this.#lastTime = now;
    this.#made++;
    this.#seconds += result.seconds;
    this.#workSeconds += workSeconds;
    return { ...result, workSeconds };
  }

  /** Counts a job that an earlier run has done. */
  addDone(): void {
    this.#done++;
  }

  addFailure({ input }: Job, error: unknown): void {
    this.failed.push({ input, error });
  }

  /** Such as `3 of 4 files: 15.60 s of speech in 2.10 s, 7.4x real time; 1 was done before`. */
  summary(): string {
    const files = `${this.#made} of ${formatCount(this.#total, "file")}`;
    const time = `${formatDuration(this.#seconds)} of speech in ${formatDuration(this.#workSeconds)}`;
    const before = this.#done === 0 ? "" : `; ${this.#done} ${this.#done === 1 ? "was" : "were"} done before`;
    return `${files}: ${time}, ${formatSpeed(this.#seconds, this.#workSeconds)}${before}`;
  }

  printFailures(terminal: Terminal): void {
    for (const { input, error } of this.failed) printNotice(terminal, `Failed: ${input}: ${describeError(error)}`);
  }
}

import { SingleBar } from "cli-progress";
import type { Job } from "./jobs.js";
import { printNotice, type Terminal } from "./terminal.js";
import { formatDuration, formatSpeed } from "./units.js";

/** Told about a batch of jobs while it runs. */
export interface BatchProgress {
  begin(job: Job): void;
  /** Seconds of speech of the current job: done, and altogether. */
  advance(doneSeconds: number, totalSeconds: number): void;
  /** `seconds` of speech and `workSeconds` of time were spent; a failed job has none. */
  end(job: Job, result: JobResult | undefined): void;
  /** No more will come, also after a failure. May be called again. */
  stop(): void;
}

/** What came out of a job. */
export interface JobResult {
  /** Seconds of speech. */
  readonly seconds: number;
  readonly workSeconds: number;
  /** A few words about the output. */
  readonly summary: string;
}

/** A bar on a terminal, a line for every file elsewhere, nothing when `quiet`. */
export function startBatchProgress(terminal: Terminal, jobs: number, quiet: boolean): BatchProgress {
  if (quiet) return { begin() {}, advance() {}, end() {}, stop() {} };
  return terminal.stderr.isTTY ? new BatchBar(terminal, jobs) : batchLines(terminal);
}

class BatchBar implements BatchProgress {
  readonly #bar: SingleBar;
  readonly #jobs: number;
  readonly #startTime = performance.now();
  #ended = 0;
  #speechSeconds = 0;

  constructor({ stderr }: Terminal, jobs: number) {
    this.#jobs = jobs;
    this.#bar = new SingleBar({
      stream: stderr,
      format: "{bar} {percentage} %  {files}{speed}  {name}",
      barsize: 30,
      clearOnComplete: true,
      hideCursor: true,
    });
    this.#bar.start(jobs, 0, { files: this.#files(), speed: "...", name: "" });
  }

  begin(job: Job): void {
    this.#bar.update(this.#ended, { name: job.input });
  }

  advance(doneSeconds: number, totalSeconds: number): void {
    const part = totalSeconds > 0 ? doneSeconds / totalSeconds : 0;
    this.#bar.update(this.#ended + part, { speed: this.#speed(doneSeconds) });
  }

  end(_job: Job, result: JobResult | undefined): void {
    this.#ended++;
    this.#speechSeconds += result?.seconds ?? 0;
    this.#bar.update(this.#ended, { files: this.#files(), speed: this.#speed(0) });
  }

  stop(): void {
    this.#bar.stop();
  }

  #files(): string {
    return this.#jobs === 1 ? "" : `${this.#ended}/${this.#jobs} files  `;
  }

  #speed(doneSeconds: number): string {
    return formatSpeed(this.#speechSeconds + doneSeconds, (performance.now() - this.#startTime) / 1000);
  }
}

function batchLines(terminal: Terminal): BatchProgress {
  return {
    begin() {},
    advance() {},
    end(job, result) {
      const outcome = result
        ? `${job.output}: ${result.summary}, ${formatDuration(result.seconds)}, ` +
          formatSpeed(result.seconds, result.workSeconds)
        : "failed";
      printNotice(terminal, `${job.input} -> ${outcome}`);
    },
    stop() {},
  };
}

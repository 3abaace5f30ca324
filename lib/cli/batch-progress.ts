import { SingleBar } from "cli-progress";
import type { TimedResult } from "./batch-results.js";
import type { Job } from "./jobs.js";
import { printNotice, type Terminal } from "./terminal.js";
import { formatDuration, formatSpeed } from "./units.js";

/** Told about a batch of jobs while it runs; several may be under way. */
export interface BatchProgress {
  begin(job: Job): void;
  /** Seconds of speech of a job: done, and altogether. */
  advance(job: Job, doneSeconds: number, totalSeconds: number): void;
  /** A failed job has no result. */
  end(job: Job, result: TimedResult | undefined): void;
  /** No more will come, also after a failure. May be called again. */
  stop(): void;
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
  /** Seconds done, and altogether, of jobs under way. */
  readonly #parts = new Map<Job, readonly [doneSeconds: number, totalSeconds: number]>();
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
    this.#parts.set(job, [0, 0]);
    this.#update({ name: job.input });
  }

  advance(job: Job, doneSeconds: number, totalSeconds: number): void {
    this.#parts.set(job, [doneSeconds, totalSeconds]);
    this.#update({ speed: this.#speed() });
  }

  end(job: Job, result: TimedResult | undefined): void {
    this.#parts.delete(job);
    this.#ended++;
    this.#speechSeconds += result?.seconds ?? 0;
    this.#update({ files: this.#files(), speed: this.#speed() });
  }

  stop(): void {
    this.#bar.stop();
  }

  #files(): string {
    return this.#jobs === 1 ? "" : `${this.#ended}/${this.#jobs} files  `;
  }

  #update(texts: object): void {
    let done = this.#ended;
    for (const [seconds, total] of this.#parts.values()) done += total > 0 ? seconds / total : 0;
    this.#bar.update(done, texts);
  }

  #speed(): string {
    let seconds = this.#speechSeconds;
    for (const [part] of this.#parts.values()) seconds += part;
    return formatSpeed(seconds, (performance.now() - this.#startTime) / 1000);
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

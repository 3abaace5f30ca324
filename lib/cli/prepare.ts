import { availableParallelism } from "node:os";
import { type PrepareSummary, prepareCorpus } from "../train/data/prepare/prepare.js";
import { EXIT, type ExitStatus } from "./failure.js";
import { printNotice, printResult, type Session } from "./terminal.js";
import { formatCount, formatDuration, formatSpeed } from "./units.js";

export interface PrepareOptions {
  readonly output: string;
  readonly threads?: number;
  readonly quiet?: boolean;
}

const NOTICE_MS = 2000;

/** `lmspt prepare DATA... -o INDEX`: reads a corpus once, so that training need not. */
export async function prepare(
  paths: readonly string[],
  { output, threads = availableParallelism(), quiet = false }: PrepareOptions,
  { terminal, signal }: Session,
): Promise<ExitStatus> {
  const begin = performance.now();
  let shown = begin;
  const summary = await prepareCorpus(paths, {
    out: output,
    workers: threads,
    signal,
    onProgress: (now) => {
      if (quiet || performance.now() - shown < NOTICE_MS) return;
      shown = performance.now();
      printNotice(terminal, describe(now, begin));
    },
  });
  for (const { name, problem } of summary.broken) printNotice(terminal, `Broken: ${name}: ${problem}`);
  if (!quiet) printNotice(terminal, describe(summary, begin));
  printResult(terminal, output);
  return EXIT.done;
}

function describe({ total, done, known, seconds, withText, broken }: PrepareSummary, begin: number): string {
  return [
    `${done} of ${formatCount(total, "recording")}`,
    `${formatDuration(seconds)} of sound`,
    known > 0 ? `${known} known from an earlier run` : formatSpeed(seconds, (performance.now() - begin) / 1000),
    `${withText} with text`,
    `${broken.length} broken`,
  ].join("  ");
}

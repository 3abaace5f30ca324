/** Measurements as text. */
import type { MachineDescription } from "../support/machine.js";
import { median, spread } from "../support/statistics.js";
import { PEER } from "./contestants.js";
import type { Limits } from "./limits.js";
import type { Measurement } from "./worker.js";

export interface Report {
  readonly machine: MachineDescription;
  readonly command: string;
  readonly model: string;
  readonly peer: string;
  /** Whether the processes were held to as many CPUs as they had threads. */
  readonly pinned: boolean;
  /** By the number of threads. */
  readonly limits: Readonly<Record<number, Limits>>;
  readonly measurements: readonly Measurement[];
}

export function toMarkdown(report: Report): string {
  const { machine, measurements } = report;
  const ours = [...new Set(measurements.flatMap(({ runs }) => Object.keys(runs)))].filter((name) => name !== PEER);
  const header = ["threads", "clip", "direction", report.peer, ...ours, "agreement"];
  const rows = measurements.map((measurement) => describe(measurement, ours));
  return [
    `# Encoding and decoding on a CPU, ${machine.date.slice(0, 10)}`,
    "",
    `\`${report.command}\` at commit ${machine.commit}: ${machine.cpu}, ${machine.cores} CPUs, ${machine.memoryGiB} GiB,`,
    `${machine.system}, Node.js ${machine.node}; model ${report.model}, float32.`,
    "",
    "Seconds of speech per second (median of all runs; in brackets the spread from the fastest to the slowest run), and",
    `how many times as fast as ${report.peer}, which ran the same network as this project exports it. The contestants took`,
    `turns in one process with as many threads each${report.pinned ? ", held to as many CPUs" : ", not held to CPUs"}.`,
    "",
    markdownRow(header),
    markdownRow(header.map(() => "---")),
    ...rows.map(markdownRow),
    "",
    "The agreement is that of the worst: the share of codes that are equal, or the largest difference of a sample.",
    "",
    ...Object.entries(report.limits).map(
      ([threads, { matrixGflops, copyGBs }]) =>
        `Limits at ${threads} thread(s): matrix product ${matrixGflops.toFixed(0)} GFLOP/s, copy ${copyGBs.toFixed(1)} GB/s.`,
    ),
    "",
  ].join("\n");
}

function describe({ threads, clip, direction, runs, agreement }: Measurement, ours: readonly string[]): string[] {
  const peerTimes = runs[PEER]!;
  const speed = (times: readonly number[]) =>
    `${(clip / median(times)).toPrecision(3)}x (${(100 * spread(times)).toFixed(0)} %)`;
  const versus = (times: readonly number[]) => `**${(median(peerTimes) / median(times)).toFixed(2)}**`;
  return [
    String(threads),
    `${clip} s`,
    direction,
    speed(peerTimes),
    ...ours.map((name) => `${speed(runs[name]!)} ${versus(runs[name]!)}`),
    direction === "encode"
      ? `${(100 * Math.min(...Object.values(agreement))).toFixed(2)} %`
      : Math.max(...Object.values(agreement)).toExponential(1),
  ];
}

export function markdownRow(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

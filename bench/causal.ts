/**
 * How long a causal model takes for the next frame of a stream: the public configuration made causal, random weights.
 *   npm run bench -- causal [--threads 1,2] [--variants avx512,avx2] [--frames 750] [--lengths 1,2,4,8,16]
 *                           [--output bench/results]
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { native, packageRoot } from "../lib/graph/native.js";
import { samplesPerFrame } from "../lib/models/config.js";
import { LmSpt } from "../lib/models/lmspt.js";
import { PUBLIC_CONFIG } from "../lib/models/presets.js";
import { randomWeights } from "../lib/models/weights.js";
import { measureSteps, type Steps, summarize } from "./causal/steps.js";
import { markdownRow } from "./cpu/report.js";
import { describeMachine, type MachineDescription } from "./support/machine.js";

/** Measures, prints a table and writes it into the output folder. */
export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      threads: { type: "string", default: "1,2" },
      variants: { type: "string", default: native().describeCpu().variants[0]! },
      frames: { type: "string", default: "750" },
      lengths: { type: "string", default: "1,2,4,8,16" },
      output: { type: "string", default: join(packageRoot(), "bench", "results") },
    },
  });
  const model = new LmSpt({ ...PUBLIC_CONFIG, is_causal: true });
  await randomWeights(model, 1);
  const measured: Steps[] = [];
  for (const variant of values.variants.split(",")) {
    for (const threads of numbers(values.threads)) {
      const lengths = numbers(values.lengths);
      measured.push(...(await measureSteps(model, { variant, threads, frames: numbers(values.frames)[0]!, lengths })));
      console.error(`${variant}, ${threads} thread(s)`);
    }
  }
  const { output, ...options } = values;
  const command = ["npm run bench -- causal", ...Object.entries(options).map(([k, v]) => `--${k} ${v}`)].join(" ");
  const frame = (1000 * samplesPerFrame(model.config)) / model.config.sample_rate;
  const machine = describeMachine();
  const text = toMarkdown(machine, command, frame, measured);
  console.log(text);
  await mkdir(output, { recursive: true });
  await writeFile(join(output, `${machine.date.slice(0, 10)}-causal.md`), text);
}

function numbers(text: string): number[] {
  const list = text.split(",").map(Number);
  if (list.every((value) => Number.isInteger(value) && value > 0)) return list;
  throw new Error(`Expected positive integers with commas between them, got ${text}`);
}

/** `frame` is the duration of a frame in milliseconds. */
export function toMarkdown(
  machine: MachineDescription,
  command: string,
  frame: number,
  measured: readonly Steps[],
): string {
  const header = ["variant", "threads", "direction", "frames", "push", "per frame", "p99", "first 10 %", "last 10 %"];
  const rows = measured.map((steps) => {
    const { push, frame, p99, first, last } = summarize(steps);
    const { variant, threads, direction, length } = steps;
    return [variant, threads, direction, length, ...[push, frame, p99, first, last].map((ms) => ms.toFixed(2))];
  });
  return [
    `# Steps of a causal model, ${machine.date.slice(0, 10)}`,
    "",
    `\`${command}\` at commit ${machine.commit}: ${machine.cpu}, ${machine.cores} CPUs, ${machine.memoryGiB} GiB,`,
    `${machine.system}, Node.js ${machine.node}; the public configuration made causal, random weights, float32.`,
    "",
    `Milliseconds from pushing so many frames (of ${frame} ms of speech each) to having their codes or samples: the`,
    "median, the same per frame, what 99 pushes in 100 keep within, and the medians of the beginning and of the end of the",
    "stream, which show that the history costs nothing.",
    "",
    markdownRow(header),
    markdownRow(header.map(() => "---")),
    ...rows.map((row) => markdownRow(row.map(String))),
    "",
  ].join("\n");
}

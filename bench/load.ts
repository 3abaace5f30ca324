/**
 * From nothing to the first result: a process that requires the package, loads a model and encodes its first clip. The
 * model's file has been read before, as in a service that starts again.
 *   npm run bench -- load [--repeats 7] [--seconds 1] [--threads 2] [--model random:1]
 */
import { execFileSync } from "node:child_process";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Device } from "../lib/graph/device.js";
import { packageRoot } from "../lib/graph/native.js";
import { loadModel } from "../lib/models/load.js";
import { saveModel } from "../lib/train/run/trained-parts.js";
import type { FirstResult } from "./load/first-result.js";
import { speechOf } from "./support/speech.js";
import { median } from "./support/statistics.js";

/** Seconds, for the public model and a clip of a second. */
const GOAL = 1.5;

/** Samples of 32 bits. */
const CLIP = "clip.f32";

/** Prints the measurement; the exit code tells whether the goal is met. */
export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      repeats: { type: "string", default: "7" },
      seconds: { type: "string", default: "1" },
      threads: { type: "string", default: "2" },
      model: { type: "string", default: "random:1" },
    },
  });
  const folder = await writeFiles(values.model, Number(values.seconds));
  const { size } = await stat(join(folder, "model.safetensors"));
  const runs = Array.from({ length: Number(values.repeats) }, () => measure(folder, values.threads));
  const of = (part: keyof FirstResult) => median(runs.map((run) => run[part])).toFixed(2);
  const totals = runs.map(({ loaded, encoded }) => loaded + encoded).sort((a, b) => a - b);
  const total = median(totals);
  console.log(
    `${(size / 1e6).toFixed(0)} MB of weights, ${values.threads} threads, ${runs.length} processes, medians:`,
  );
  console.log(`  required and loaded ${of("loaded")} s, first ${values.seconds} s clip encoded ${of("encoded")} s`);
  const range = `${totals[0]!.toFixed(2)} to ${totals.at(-1)!.toFixed(2)} s`;
  console.log(`  from start to codes ${total.toFixed(2)} s (${range}); goal: below ${GOAL} s`);
  if (total >= GOAL) process.exitCode = 1;
}

/** The model's folder, with the clip's samples in it. */
async function writeFiles(name: string, seconds: number): Promise<string> {
  const folder = join(packageRoot(), "build", "bench", "load");
  await mkdir(folder, { recursive: true });
  const { model } = await loadModel(name);
  await using device = Device.open("cpu");
  await saveModel(folder, device, model);
  await writeFile(join(folder, CLIP), await speechOf(seconds, model.config.sample_rate));
  return folder;
}

function measure(folder: string, threads: string): FirstResult {
  const script = join(__dirname, "load", "first-result.js");
  return JSON.parse(
    execFileSync(process.execPath, [script, folder, join(folder, CLIP), threads], { encoding: "utf8" }),
  );
}

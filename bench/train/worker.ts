/** This engine's side: one full training step for every line on standard input; see contestant.ts. */
import { spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Device, type DeviceName } from "../../lib/graph/device.js";
import { resolveConfig } from "../../lib/train/config/index.js";
import { setUpRecipe, stepSize } from "../../lib/train/run/setup.js";
import {
  makeOptimizers,
  type StepData,
  type StepSize,
  TEACHER_RATE,
  TrainingStep,
} from "../../lib/train/step/index.js";
import { speechOf } from "../support/speech.js";
import type { Answer } from "./contestant.js";

async function work(settings: readonly string[]): Promise<void> {
  const [source, ...overrides] = settings;
  const config = await resolveConfig(source!, overrides);
  const recipe = await setUpRecipe(config, undefined);
  const size = stepSize(config);
  await using device = Device.open(config.device as DeviceName, { threads: config.threads });
  const step = await TrainingStep.compile(device, recipe, makeOptimizers(recipe), size);
  const data = [await speech(size, config.model.sample_rate)];
  let made = 0;
  const run = async () => {
    const begin = performance.now();
    made++;
    await step.run(data, { generator: 2e-4, discriminator: 1e-3, generatorStep: made, discriminatorStep: made });
    return (performance.now() - begin) / 1000;
  };
  await run();
  say({ ready: `lmspt, ${device.description}` });
  for await (const _ of createInterface(process.stdin)) say({ seconds: await run() });
  say({ peakBytes: device.kind === "cpu" ? process.resourceUsage().maxRSS * 1024 : bytesOnGpu() });
}

/** What the driver says that this process holds, its context included; plans never give any back. */
function bytesOnGpu(): number | undefined {
  const query = ["--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"];
  const { stdout, status } = spawnSync("nvidia-smi", query, { encoding: "utf8" });
  if (status !== 0) return undefined;
  const rows = stdout.split("\n").map((line) => line.split(",").map(Number));
  const own = rows.find(([pid]) => pid === process.pid);
  return own && own[1]! * 2 ** 20;
}

async function speech({ batch, samples }: StepSize, rate: number): Promise<StepData> {
  const seconds = (batch * samples) / rate;
  return {
    audio: (await speechOf(seconds, rate)).subarray(0, batch * samples),
    teacherAudio: (await speechOf(seconds, TEACHER_RATE)).subarray(
      0,
      batch * Math.floor((samples * TEACHER_RATE) / rate),
    ),
    codebooks: new Float32Array(batch).fill(7),
  };
}

function say(answer: Answer): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

void work(parseArgs({ allowPositionals: true }).positionals);

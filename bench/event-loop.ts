/**
 * How late the event loop is while a plan computes with all cores. The goal: 99 % of the delays are below 20 ms.
 *   npm run bench -- event-loop [SECONDS]
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { Device } from "../lib/graph/device.js";
import { Graph } from "../lib/graph/graph.js";
import { conv1d } from "../lib/graph/ops/index.js";
import { Variable } from "../lib/graph/variable.js";

/** Delays in milliseconds beyond what a timer asked for, and how often the plan ran meanwhile. */
export interface EventLoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly runs: number;
  /** Of one run, in milliseconds. */
  readonly runTime: number;
  readonly device: string;
}

const goal = 20;
const resolution = 1;

/** Several convolutions of 256 channels over 4096 rows: about 6 GFLOP. */
async function compile(device: Device) {
  const [channels, length, kernel] = [256, 4096, 3];
  const w = Variable.from(new Float32Array(channels * channels * kernel).fill(1e-3), [channels, channels, kernel]);
  const graph = new Graph();
  let y = graph.input("x", [1, length, channels]);
  for (let i = 0; i < 4; i++) y = conv1d(y, graph.variable(w), undefined, { padLeft: 1, padRight: 1 });
  const plan = await graph.compile(device, { y });
  const x = new Float32Array(length * channels).fill(1);
  return () => plan.run({ x });
}

/** Measures for at least `seconds`, with the device busy all the time. */
export async function measureEventLoopDelay(seconds: number): Promise<EventLoopDelay> {
  await using device = Device.open("cpu");
  const run = await compile(device);
  await run();
  await sleep(50);
  const monitor = monitorEventLoopDelay({ resolution });
  const start = performance.now();
  let runs = 0;
  monitor.enable();
  // One run waits while another computes, so that the device never pauses.
  const keepBusy = async () => {
    while (performance.now() - start < seconds * 1000) {
      await run();
      runs++;
    }
  };
  await Promise.all([keepBusy(), keepBusy()]);
  monitor.disable();
  const delay = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - resolution);
  return {
    p50: delay(monitor.percentile(50)),
    p99: delay(monitor.percentile(99)),
    max: delay(monitor.max),
    runs,
    runTime: (performance.now() - start) / runs,
    device: device.description,
  };
}

/** Prints the measurement; the exit code tells whether the goal is met. */
export async function main(args: readonly string[]): Promise<void> {
  const { p50, p99, max, runs, runTime, device } = await measureEventLoopDelay(Number(args[0] ?? 5));
  console.log(`event loop delay while computing on ${device}, ${runs} runs of ${runTime.toFixed(1)} ms:`);
  console.log(
    `  p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, max ${max.toFixed(2)} ms; goal: p99 below ${goal} ms`,
  );
  if (p99 >= goal) process.exitCode = 1;
}

/** What the machine can do at best with as many threads, measured in the same run. */
import { Device } from "../../lib/graph/device.js";
import { Graph } from "../../lib/graph/graph.js";
import { linear } from "../../lib/graph/ops/index.js";
import type { Precision } from "../../lib/graph/precision.js";
import { Variable } from "../../lib/graph/variable.js";
import { median } from "../support/statistics.js";

const REPEATS = 7;

export interface Limits {
  /** A matrix product of 2048 x 1024 x 1024 by this engine's best variant. */
  readonly matrixGflops: number;
  /** Copying 256 MiB on one thread, read and written bytes. */
  readonly copyGBs: number;
}

export async function measureLimits(threads: number, precision: Precision = "fp32"): Promise<Limits> {
  return { matrixGflops: await matrixProduct(threads, precision), copyGBs: await copy() };
}

async function matrixProduct(threads: number, precision: Precision): Promise<number> {
  const [rows, size] = [2048, 1024];
  const random = (count: number) => Float32Array.from({ length: count }, () => Math.random() - 0.5);
  await using device = Device.open("cpu", { threads });
  const graph = new Graph();
  const w = graph.variable(Variable.from(random(size * size), [size, size]));
  // Many products a run, so that crossing into the engine does not count.
  let y = graph.input("x", [rows, size]);
  const products = 8;
  for (let i = 0; i < products; i++) y = linear(y, w);
  const plan = await graph.compile(device, { y }, [], { precision });
  const x = random(rows * size).map((value) => value * 1e-3);
  const seconds = await timeOf(async () => {
    await plan.run({ x });
  });
  return (2 * rows * size * size * products) / seconds / 1e9;
}

async function copy(): Promise<number> {
  const source = new Float32Array(2 ** 26).fill(1.5);
  const target = new Float32Array(source.length);
  const seconds = await timeOf(async () => target.set(source));
  return (2 * source.byteLength) / seconds / 1e9;
}

/** Median seconds of a run, after one that does not count. */
async function timeOf(work: () => Promise<void>): Promise<number> {
  await work();
  const times: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now();
    await work();
    times.push((performance.now() - start) / 1000);
  }
  return median(times);
}

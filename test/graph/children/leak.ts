/** Thousands of plans, one after the other: node --expose-gc leak.js. Prints the growth of the process in MiB. */
import { Device } from "../../../lib/graph/device.js";
import { Graph } from "../../../lib/graph/graph.js";
import { linear, tanh } from "../../../lib/graph/ops/index.js";
import { Variable } from "../../../lib/graph/variable.js";

const collect = (globalThis as unknown as { gc: () => void }).gc;
const size = 96; // a plan with its weights, plain and packed, takes about 100 KiB

async function onePlan(device: Device, x: Float32Array): Promise<void> {
  const graph = new Graph();
  const w = graph.variable(Variable.from(new Float32Array(size * size).fill(0.01), [size, size]));
  const plan = await graph.compile(device, { y: tanh(linear(graph.input("x", [8, size]), w)) });
  await plan.run({ x });
  await plan.run({ x }).then(() => plan.trace({ x }));
}

async function main(): Promise<void> {
  await using device = Device.open("cpu", { threads: 2 });
  const x = new Float32Array(8 * size).fill(1);
  const rss = async (plans: number) => {
    for (let i = 0; i < plans; i++) {
      await onePlan(device, x);
      if (i % 20 === 0) collect();
    }
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
    collect();
    return process.memoryUsage().rss / 2 ** 20;
  };
  const before = await rss(500);
  console.log(((await rss(2000)) - before).toFixed(1));
}

void main();

/**
 * Worker threads that load the addon, compute and go: workers.js finish | terminate
 * Prints the results of the workers that finish, as JSON.
 */
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Device } from "../../../lib/graph/device.js";
import { busyPlan } from "../support.js";

const [, , mode] = process.argv;

/** In a worker: computes, and says so; forever when it is to be terminated. */
async function work(): Promise<void> {
  const device = Device.open("cpu", { threads: 2 });
  const { run } = await busyPlan(device, 1);
  parentPort!.postMessage((await run()).at(-1));
  while (workerData === "terminate") await run();
  // The device is left open: the end of the thread closes it.
}

async function main(): Promise<void> {
  const results: number[] = [];
  for (let round = 0; round < 3; round++) {
    const workers = Array.from({ length: 3 }, () => new Worker(__filename, { workerData: mode }));
    const exits = workers.map((worker) => once(worker, "exit"));
    const messages = await Promise.all(workers.map((worker) => once(worker, "message")));
    results.push(...messages.map(([result]) => result));
    if (mode === "terminate") await Promise.all(workers.map((worker) => worker.terminate()));
    await Promise.all(exits);
  }
  console.log(JSON.stringify(results));
}

void (isMainThread ? main() : work());

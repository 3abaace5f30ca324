/** Ends of a process with work pending: exit.js natural | exit | throw | no-await */
import { Device } from "../../../lib/graph/device.js";
import { busyPlan } from "../support.js";

const [, , mode] = process.argv;

async function main(): Promise<void> {
  const device = Device.open("cpu", { threads: 2 });
  const { run } = await busyPlan(device, 4);
  const pending = [run(), run(), run()];
  if (mode === "exit") setTimeout(() => process.exit(7), 5);
  if (mode === "exit-at-once") process.exit(7);
  if (mode === "throw") {
    setTimeout(() => {
      throw new Error("thrown while computing");
    }, 5);
  }
  // Nothing else keeps the process alive than the pending work.
  if (mode === "natural") void Promise.all(pending).then((results) => console.log(`finished ${results.length}`));
}

void main();

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { MachineDescription } from "./machine.js";

/** Prints a report and leaves it in a folder, as text and with all its numbers, under the day and a name. */
export async function writeReport(
  folder: string,
  name: string,
  text: string,
  report: { readonly machine: MachineDescription },
): Promise<void> {
  console.log(text);
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${report.machine.date.slice(0, 10)}-${name}`);
  await writeFile(`${path}.md`, text);
  await writeFile(`${path}.json`, `${JSON.stringify(report, undefined, 2)}\n`);
}

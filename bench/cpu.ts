/**
 * How fast speech is encoded and decoded on the CPU, side by side with onnxruntime-node on the same network.
 *   npm run bench -- cpu [--clips 1,10,60] [--threads 1,2] [--variants avx512,avx512bf16:bf16] [--repeats 5]
 *                        [--hold-peer-to-avx2] [--model random:1] [--output bench/results]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { exportOnnx } from "../lib/export/onnx/export.js";
import { native, packageRoot } from "../lib/graph/native.js";
import { loadModel } from "../lib/models/load.js";
import type { Limits } from "./cpu/limits.js";
import { type Report, toMarkdown } from "./cpu/report.js";
import type { Measurement, Message, Work } from "./cpu/worker.js";
import { loadOnnxRuntime } from "./peers/onnxruntime.js";
import { allowedCpus, describeMachine } from "./support/machine.js";
import { writeReport } from "./support/results.js";

interface Settings extends Omit<Work, "threads" | "folder"> {
  readonly threads: readonly number[];
  readonly output: string;
}

/** Measures, prints a table and writes it, with all times, into the output folder. */
export async function main(args: readonly string[]): Promise<void> {
  const settings = parseSettings(args);
  const { version } = await loadOnnxRuntime(settings.heldToAvx2);
  const folder = await exportModel(settings.model);
  const measurements: Measurement[] = [];
  const limits: Record<number, Limits> = {};
  let pinned = true;
  for (const threads of settings.threads) {
    const held = await runWorker({ ...settings, threads, folder }, (message) => {
      if (message.kind === "limits") limits[threads] = message.limits;
      else measurements.push(message.measurement);
    });
    pinned &&= held;
  }
  const command = ["npm run bench -- cpu", ...measuringArguments(settings)].join(" ");
  const { model, output, heldToAvx2 } = settings;
  const peer = `onnxruntime-node ${version}${heldToAvx2 ? " held to AVX2" : ""}`;
  const report: Report = { machine: describeMachine(), command, model, peer, pinned, limits, measurements };
  await writeReport(output, heldToAvx2 ? "cpu-avx2" : "cpu", toMarkdown(report), report);
}

function parseSettings(args: readonly string[]): Settings {
  const { values } = parseArgs({
    args: [...args],
    options: {
      clips: { type: "string", default: "1,10,60" },
      threads: { type: "string", default: "1,2" },
      variants: { type: "string", default: defaultVariants().join(",") },
      repeats: { type: "string", default: "5" },
      "hold-peer-to-avx2": { type: "boolean", default: false },
      model: { type: "string", default: "random:1" },
      output: { type: "string", default: join(packageRoot(), "bench", "results") },
    },
  });
  const numbers = (text: string) => {
    const list = text.split(",").map(Number);
    if (list.every((value) => value > 0)) return list;
    throw new Error(`Expected positive numbers with commas between them, got ${text}`);
  };
  return {
    clips: numbers(values.clips),
    threads: numbers(values.threads),
    variants: values.variants.split(","),
    repeats: numbers(values.repeats)[0]!,
    heldToAvx2: values["hold-peer-to-avx2"],
    model: values.model,
    output: values.output,
  };
}

/** One of each kind of arithmetic: variants differ in reduced precisions alone from avx512 upwards. */
function defaultVariants(): string[] {
  const { variants, arithmetic } = native().describeCpu();
  const float = variants.filter((name) => !["amx", "avx512bf16"].includes(name));
  const reduced = arithmetic.bf16x3.startsWith("float32") ? ["bf16"] : ["bf16x3", "bf16"];
  return [...float, ...reduced.map((precision) => `${variants[0]}:${precision}`)];
}

/** What to call it with to measure the same again. */
function measuringArguments({ clips, threads, variants, repeats, heldToAvx2, model }: Settings): string[] {
  const lists = [`--clips ${clips}`, `--threads ${threads}`, `--variants ${variants}`];
  return [...lists, `--repeats ${repeats}`, ...(heldToAvx2 ? ["--hold-peer-to-avx2"] : []), `--model ${model}`];
}

/** Into a folder of the build that the next run overwrites. */
async function exportModel(name: string): Promise<string> {
  const folder = join(packageRoot(), "build", "bench");
  await mkdir(folder, { recursive: true });
  for await (const file of exportOnnx(await loadModel(name), { producerVersion: "benchmark" })) {
    await writeFile(join(folder, file.name), file.bytes);
  }
  return folder;
}

/** Runs a worker, held to as many CPUs as it has threads where the system lets us; resolves to whether it was. */
async function runWorker(work: Work, onMessage: (message: Message) => void): Promise<boolean> {
  const cpus = allowedCpus()?.slice(0, work.threads);
  const script = [process.execPath, join(__dirname, "cpu", "worker.js")];
  const command = cpus ? ["taskset", "-c", cpus.join(","), ...script] : script;
  const child = spawn(command[0]!, command.slice(1), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  child.on("message", (message: Message) => {
    onMessage(message);
    if (message.kind === "limits") console.error(`${work.threads} thread(s)`);
    else console.error(`  ${message.measurement.direction} ${message.measurement.clip} s`);
  });
  child.send(work);
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`Measuring with ${work.threads} thread(s) failed`);
  return cpus !== undefined;
}

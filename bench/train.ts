/**
 * One full training step, discriminators and tokenizer with a Whisper teacher that hears 30 s, side by side with
 * PyTorch where Python has it.
 *   npm run bench -- train [--device cpu] [--models released,tiny] [--teacher base] [--batch 1] [--seconds 1]
 *                          [--threads 2] [--repeats 5] [--settings key=value,...]
 *                          [--peers lean,public,lean:no-mkldnn,lean:mode=graph-bf16] [--python python3]
 *                          [--output bench/results]
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs, promisify } from "node:util";
import { packageRoot } from "../lib/graph/native.js";
import { markdownRow } from "./cpu/report.js";
import { describeMachine, type MachineDescription } from "./support/machine.js";
import { writeReport } from "./support/results.js";
import { median, spread } from "./support/statistics.js";
import { Contestant } from "./train/contestant.js";

export interface TrainSettings {
  readonly device: "cpu" | "cuda";
  readonly teacher: string;
  readonly batch: number;
  /** Of a crop. */
  readonly seconds: number;
  readonly threads: number;
  readonly repeats: number;
  /** Of this engine's configuration besides. */
  readonly settings: readonly string[];
  /** Recipes of PyTorch's side, each with options of bench/pytorch_peer.py behind colons. */
  readonly peers: readonly string[];
  readonly python: string;
}

export interface TrainMeasurement {
  readonly model: string;
  readonly contestant: string;
  readonly description: string;
  /** Seconds of each step, in turns with the other contestants. */
  readonly times: readonly number[];
  /** On the CPU; on a GPU of PyTorch's side alone. */
  readonly peakBytes: number | undefined;
}

export interface TrainReport {
  readonly machine: MachineDescription;
  readonly command: string;
  readonly settings: TrainSettings;
  readonly measurements: readonly TrainMeasurement[];
}

export const OURS = "lmspt";
/** PyTorch's threads sleep a while after their turn. */
const PAUSE_MS = 200;

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      device: { type: "string", default: "cpu" },
      models: { type: "string", default: "released,tiny" },
      teacher: { type: "string", default: "base" },
      batch: { type: "string", default: "1" },
      seconds: { type: "string", default: "1" },
      threads: { type: "string", default: "2" },
      repeats: { type: "string", default: "5" },
      settings: { type: "string", default: "" },
      peers: { type: "string", default: "lean,public" },
      python: { type: "string", default: "python3" },
      output: { type: "string", default: join(packageRoot(), "bench", "results") },
    },
  });
  const { device } = values;
  if (device !== "cpu" && device !== "cuda") throw new Error(`Expected --device cpu or cuda, got ${device}`);
  const settings: TrainSettings = {
    device,
    teacher: values.teacher,
    batch: Number(values.batch),
    seconds: Number(values.seconds),
    threads: Number(values.threads),
    repeats: Number(values.repeats),
    settings: values.settings === "" ? [] : values.settings.split(","),
    peers: values.peers.split(","),
    python: values.python,
  };
  const measurements: TrainMeasurement[] = [];
  for (const model of values.models.split(",")) measurements.push(...(await measureStep(model, settings)));
  const { output, ...options } = values;
  const command = ["npm run bench -- train", ...Object.entries(options).map(([k, v]) => v && `--${k} ${v}`)];
  const report = { machine: describeMachine(), command: command.filter(Boolean).join(" "), settings, measurements };
  await writeReport(output, "train", toMarkdown(report), report);
}

/** All contestants in turns. Processes live side by side, so that memory must hold them all. */
async function measureStep(model: string, settings: TrainSettings): Promise<TrainMeasurement[]> {
  const contestants = [await startOurs(model, settings)];
  if (await hasPyTorch(settings.python)) contestants.push(...(await startPeers(model, settings)));
  else console.error(`${settings.python} has no PyTorch: there is no side to compare with`);
  for (let round = 0; round < settings.repeats; round++) {
    for (let i = 0; i < contestants.length; i++) {
      await sleep(PAUSE_MS);
      await contestants[(round + i) % contestants.length]!.step();
    }
    console.error(
      `${model}: ${contestants.map(({ name, times }) => `${name} ${times.at(-1)!.toFixed(2)} s`).join(", ")}`,
    );
  }
  const measured: TrainMeasurement[] = [];
  for (const contestant of contestants) {
    const { name, description, times } = contestant;
    measured.push({ model, contestant: name, description, times, peakBytes: await contestant.finish() });
  }
  return measured;
}

function startOurs(model: string, given: TrainSettings): Promise<Contestant> {
  const { device, teacher, batch, seconds, threads, settings } = given;
  const overrides = [
    `device=${device}`,
    `data.batch=${batch}`,
    `data.seconds=${seconds}`,
    `teacher.model=random:1:${teacher}`,
  ];
  const worker = join(__dirname, "train", "worker.js");
  return Contestant.start(OURS, process.execPath, [worker, model, ...overrides, `threads=${threads}`, ...settings]);
}

async function startPeers(model: string, settings: TrainSettings): Promise<Contestant[]> {
  const { device, teacher, batch, seconds, threads } = settings;
  const given = { device, model, teacher, batch, seconds, threads };
  const common = Object.entries(given).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const script = [join(packageRoot(), "bench", "pytorch_peer.py"), "--train", ...common];
  const peers: Contestant[] = [];
  for (const peer of settings.peers) {
    const [recipe, ...flags] = peer.split(":");
    const args = [...script, "--recipe", recipe!, ...flags.map((flag) => `--${flag}`)];
    peers.push(await Contestant.start(`PyTorch, ${peer}`, settings.python, args));
  }
  return peers;
}

async function hasPyTorch(python: string): Promise<boolean> {
  return promisify(execFile)(python, ["-c", "import torch"]).then(
    () => true,
    () => false,
  );
}

export function toMarkdown({ machine, command, settings, measurements }: TrainReport): string {
  const rows = measurements.map(({ model, contestant, description, times, peakBytes }) => {
    const ours = measurements.find((other) => other.model === model && other.contestant === OURS)!;
    const versus = (ratio: number) => (contestant === OURS ? "" : ratio.toFixed(2));
    const step = `${median(times).toFixed(2)} s (${(100 * spread(times)).toFixed(0)} %)`;
    const memory = peakBytes === undefined ? "-" : `${(peakBytes / 2 ** 30).toFixed(2)} GiB`;
    const share = ours.peakBytes !== undefined && peakBytes !== undefined && contestant !== OURS;
    const named = contestant === OURS ? description : `${contestant}, ${description}`;
    return [
      model,
      named,
      step,
      versus(median(times) / median(ours.times)),
      memory,
      share ? (ours.peakBytes / peakBytes).toFixed(2) : "",
    ];
  });
  return [
    `# A training step on a ${settings.device === "cpu" ? "CPU" : "GPU"}, ${machine.date.slice(0, 10)}`,
    "",
    `\`${command}\` at commit ${machine.commit}: ${machine.cpu}, ${machine.cores} CPUs, ${machine.memoryGiB} GiB,`,
    `${machine.system}, Node.js ${machine.node}; ${settings.threads} thread(s) each; PyTorch in float32 unless its name tells another mode.`,
    "",
    `One update of the discriminators and one of the tokenizer: ${settings.batch} x ${settings.seconds} s, the teacher a Whisper`,
    `encoder of the size ${settings.teacher} over 30 s, random weights. Medians of steps in turns; in brackets the spread from the`,
    "fastest to the slowest. Memory is the most that a process held, its runtime included. `lean` is the public recipe",
    "without the discriminators' gradients in the tokenizer's update, which it throws away.",
    "",
    markdownRow(["model", "", "step", "lmspt is faster by", "peak of memory", "lmspt takes of it"]),
    markdownRow(["---", "---", "---", "---", "---", "---"]),
    ...rows.map(markdownRow),
    "",
  ].join("\n");
}

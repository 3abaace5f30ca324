/**
 * How many requests the example server answers on this machine, and how fast, over the loopback interface.
 *   npm run bench -- service [--model random:1] [--clip 2] [--loads 0.5,0.8] [--requests 200] [--max-seconds 60]
 *                            [--clients 8] [--output bench/results]
 * First clients that never pause measure the capacity; then requests arrive at random at shares of it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { packageRoot } from "../lib/graph/native.js";
import { encodeWav } from "../lib/index.js";
import { closedLoad, type LoadResult, openLoad, type Send } from "./service/load.js";
import { describeMachine, type MachineDescription } from "./support/machine.js";
import { writeReport } from "./support/results.js";
import { speechOf } from "./support/speech.js";
import { quantile } from "./support/statistics.js";

const CLIP_RATE = 24_000;

export interface ServiceSettings {
  readonly model: string;
  /** Seconds of speech in a request. */
  readonly clip: number;
  /** Shares of the capacity at which requests arrive. */
  readonly loads: readonly number[];
  readonly requests: number;
  readonly maxSeconds: number;
  readonly clients: number;
}

export interface ServiceMeasurement {
  readonly load: string;
  readonly requestsPerSecond: number;
  readonly realTime: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly answered: number;
  readonly refused: number;
}

export interface ServiceReport {
  readonly machine: MachineDescription;
  readonly settings: ServiceSettings;
  readonly measurements: readonly ServiceMeasurement[];
}

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      model: { type: "string", default: "random:1" },
      clip: { type: "string", default: "2" },
      loads: { type: "string", default: "0.5,0.8" },
      requests: { type: "string", default: "200" },
      "max-seconds": { type: "string", default: "60" },
      clients: { type: "string", default: "8" },
      output: { type: "string", default: join(packageRoot(), "bench", "results") },
    },
  });
  const settings = {
    model: values.model,
    clip: Number(values.clip),
    loads: values.loads.split(",").map(Number),
    requests: Number(values.requests),
    maxSeconds: Number(values["max-seconds"]),
    clients: Number(values.clients),
  };
  const report = { machine: describeMachine(), settings, measurements: await measureService(settings) };
  const name = `service-${settings.model.replace(/[^\w.-]+/g, "-")}`;
  await writeReport(values.output, name, toMarkdown(report), report);
}

/** Starts a server of its own, loads it, and stops it. */
export async function measureService(settings: ServiceSettings): Promise<ServiceMeasurement[]> {
  const { model, clip, loads, requests, maxSeconds, clients } = settings;
  const body = encodeWav({ samples: await speechOf(clip, CLIP_RATE), sampleRate: CLIP_RATE });
  const server = await startServer(model);
  const send: Send = async () => {
    const headers = { "content-type": "audio/wav" };
    const answer = await fetch(`${server.url}/v1/tokens`, { method: "POST", body, headers });
    await answer.arrayBuffer();
    return answer.status;
  };
  const measurements: ServiceMeasurement[] = [];
  const note = (load: string, result: LoadResult) => measurements.push(summarize(load, result, clip));
  try {
    await closedLoad(send, { clients, requests: 2 * clients, maxSeconds });
    note(`${clients} clients without pause`, await closedLoad(send, { clients, requests, maxSeconds }));
    const capacity = measurements[0]!.requestsPerSecond;
    for (const share of loads) {
      const rate = capacity * share;
      const load = `${(100 * share).toFixed(0)} %: ${rate.toPrecision(3)} requests/s at random`;
      note(load, await openLoad(send, { rate, requests, maxSeconds }));
    }
    return measurements;
  } finally {
    await server.stop();
  }
}

function summarize(load: string, { latencies, refused, seconds }: LoadResult, clip: number): ServiceMeasurement {
  const requestsPerSecond = latencies.length / seconds;
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => quantile(latencies, share)) as [number, number, number];
  const realTime = requestsPerSecond * clip;
  return { load, requestsPerSecond, realTime, p50, p99, max, answered: latencies.length, refused };
}

async function startServer(model: string): Promise<{ url: string; stop(): Promise<void> }> {
  const script = join(packageRoot(), "dist", "examples", "server", "main.js");
  const args = [script, "--model", model, "--device", "cpu", "--port", "0"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const { value = "" } = await lines.next();
  const url = /listening on (\S+)$/.exec(value)?.[1];
  if (url === undefined) throw new Error("The server did not start");
  return {
    url,
    stop: async () => {
      const closed = once(child, "close");
      child.kill("SIGTERM");
      await closed;
    },
  };
}

export function toMarkdown({ machine, settings, measurements }: ServiceReport): string {
  const { model, clip, loads, requests, maxSeconds, clients } = settings;
  const command =
    `npm run bench -- service --model ${model} --clip ${clip} --loads ${loads.join(",")} --requests ${requests} ` +
    `--max-seconds ${maxSeconds} --clients ${clients}`;
  const milliseconds = (value: number) => `${value.toFixed(0)} ms`;
  return [
    `# The example server, ${machine.date.slice(0, 10)}`,
    "",
    `\`${command}\` at commit ${machine.commit}: ${machine.cpu}, ${machine.cores} CPUs, ${machine.memoryGiB} GiB,`,
    `${machine.system}, Node.js ${machine.node}; clips of ${clip} s to tokens, over the loopback interface, client and`,
    "server on the same CPUs. Latency counts from the moment at which a request was due.",
    "",
    "| load | answered | refused (429) | requests/s | speech per second | p50 | p99 | slowest |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...measurements.map((m) => {
      const speeds = `${m.requestsPerSecond.toFixed(1)} | ${m.realTime.toFixed(1)}x real time`;
      const times = [m.p50, m.p99, m.max].map(milliseconds).join(" | ");
      return `| ${m.load} | ${m.answered} | ${m.refused} | ${speeds} | ${times} |`;
    }),
    "",
  ].join("\n");
}

/** What the server is started with. */
import { parseArgs } from "node:util";
import type { DeviceName } from "../../lib/index.js";

export interface ServerSettings {
  readonly model: string;
  readonly device: DeviceName;
  readonly threads: number | undefined;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Requests that are received, waiting or computed; more are answered with 429. */
  readonly maxRequests: number;
  /** Requests that are computed together, at most. */
  readonly maxBatch: number;
  /** Milliseconds that a request waits for others of its length. */
  readonly waitMs: number;
  /** Of audio, in one request. */
  readonly maxSeconds: number;
  /** Of an audio file. */
  readonly maxBytes: number;
  /** Seconds that requests under way get to finish once the server is told to stop. */
  readonly graceSeconds: number;
}

export const DEFAULTS: ServerSettings = {
  model: "12.5hz-16k-small",
  device: "auto",
  threads: undefined,
  host: "127.0.0.1",
  port: 8080,
  maxRequests: 32,
  maxBatch: 8,
  waitMs: 5,
  maxSeconds: 60,
  maxBytes: 24 * 2 ** 20,
  graceSeconds: 20,
};

export const USAGE = `Usage: node dist/examples/server/main.js [OPTIONS]
  --model NAME         preset, model folder, hf://owner/repository or random:SEED[:preset]  (${DEFAULTS.model})
  --device NAME        auto, cpu, cuda or cuda:N  (${DEFAULTS.device})
  --threads N          threads on the CPU  (all)
  --host ADDRESS       where to listen  (${DEFAULTS.host})
  --port N             0 takes a free one  (${DEFAULTS.port})
  --max-requests N     requests under way; more are answered with 429  (${DEFAULTS.maxRequests})
  --max-batch N        requests computed together, at most  (${DEFAULTS.maxBatch})
  --wait-ms N          how long a request waits for others of its length  (${DEFAULTS.waitMs})
  --max-seconds N      audio in one request  (${DEFAULTS.maxSeconds})
  --max-bytes N        size of an audio file  (${DEFAULTS.maxBytes})
  --grace-seconds N    time to finish after SIGTERM  (${DEFAULTS.graceSeconds})`;

/** Reads command line arguments. Throws an Error that says what is wrong. */
export function parseSettings(args: readonly string[]): ServerSettings {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      model: text,
      device: text,
      threads: text,
      host: text,
      port: text,
      "max-requests": text,
      "max-batch": text,
      "wait-ms": text,
      "max-seconds": text,
      "max-bytes": text,
      "grace-seconds": text,
    },
  });
  const whole = <Fallback>(
    name: keyof typeof values,
    fallback: Fallback,
    smallest = 1,
    largest = 2 ** 31,
  ): number | Fallback => {
    const given = values[name];
    if (given === undefined) return fallback;
    const value = Number(given);
    if (/^\d+$/.test(given) && value >= smallest && value <= largest) return value;
    throw new Error(`Expected a whole number from ${smallest} to ${largest} for --${name} but received ${given}`);
  };
  return {
    model: values.model ?? DEFAULTS.model,
    device: (values.device ?? DEFAULTS.device) as DeviceName,
    threads: whole("threads", DEFAULTS.threads, 1, 1024),
    host: values.host ?? DEFAULTS.host,
    port: whole("port", DEFAULTS.port, 0, 65535),
    maxRequests: whole("max-requests", DEFAULTS.maxRequests),
    maxBatch: whole("max-batch", DEFAULTS.maxBatch, 1, 1024),
    waitMs: whole("wait-ms", DEFAULTS.waitMs, 0, 60_000),
    maxSeconds: whole("max-seconds", DEFAULTS.maxSeconds, 1, 3600),
    maxBytes: whole("max-bytes", DEFAULTS.maxBytes),
    graceSeconds: whole("grace-seconds", DEFAULTS.graceSeconds, 0, 3600),
  };
}

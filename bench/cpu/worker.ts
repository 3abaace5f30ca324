/**
 * A process that measures with one number of threads, on as many CPUs as its parent leaves it: the work comes in the
 * first message, each result goes back in one.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { loadModel } from "../../lib/models/load.js";
import { speechOf } from "../support/speech.js";
import { median } from "../support/statistics.js";
import { type Contestant, openEngine, openPeer } from "./contestants.js";
import { type Limits, measureLimits } from "./limits.js";

export interface Work {
  readonly model: string;
  /** Of the exported model. */
  readonly folder: string;
  readonly threads: number;
  /** The peer, which would use AVX-512 too. */
  readonly heldToAvx2: boolean;
  /** Seconds. */
  readonly clips: readonly number[];
  readonly variants: readonly string[];
  readonly repeats: number;
}

export type Direction = "encode" | "decode";

/** One clip, one direction, all contestants. */
export interface Measurement {
  readonly threads: number;
  readonly clip: number;
  readonly direction: Direction;
  /** Seconds of each run, in the order in which the contestants took turns. */
  readonly runs: Readonly<Record<string, readonly number[]>>;
  /** How far each result is from the first contestant's: share of equal codes, or the largest difference of a sample. */
  readonly agreement: Readonly<Record<string, number>>;
}

export type Message =
  | { readonly kind: "limits"; readonly limits: Limits }
  | { readonly kind: "measurement"; readonly measurement: Measurement };

/** Threads of a contestant may spin for a while after its turn; the next one starts when they sleep. */
const PAUSE_MS = 100;

/** Short clips are repeated until this much has been measured of each contestant, at most so many times. */
const LEAST_SECONDS = 1;
const MOST_REPEATS = 20;

async function work({ model: name, folder, threads, heldToAvx2, clips, variants, repeats }: Work): Promise<void> {
  const { model } = await loadModel(name);
  send({ kind: "limits", limits: await measureLimits(threads) });
  const contestants = [
    await openPeer(folder, model.config.n_codebooks, { threads, heldToAvx2 }),
    ...variants.map((variant) => openEngine(model, variant, threads)),
  ];
  for (const clip of clips) {
    const samples = await speechOf(clip, model.config.sample_rate);
    const codes = await contestants[0]!.encode(samples);
    const jobs = {
      encode: (contestant: Contestant) => contestant.encode(samples),
      decode: (contestant: Contestant) => contestant.decode(codes),
    };
    for (const direction of ["encode", "decode"] as const) {
      const { runs, results } = await takeTurns(contestants, jobs[direction], repeats);
      const agreement = Object.fromEntries(
        [...results].map(([who, result]) => [who, compare(result, [...results.values()][0]!)]),
      );
      send({ kind: "measurement", measurement: { threads, clip, direction, runs, agreement } });
    }
  }
  for (const contestant of contestants) await contestant.close();
}

type Result = Int32Array | Float32Array;

/** One run of each to warm up, then rounds in which each has its turn; every round begins with another one. */
async function takeTurns(
  contestants: readonly Contestant[],
  job: (contestant: Contestant) => Promise<Result>,
  repeats: number,
): Promise<{ runs: Record<string, number[]>; results: Map<string, Result> }> {
  const runs: Record<string, number[]> = {};
  const results = new Map<string, Result>();
  for (const contestant of contestants) {
    results.set(contestant.name, await job(contestant));
    runs[contestant.name] = [];
  }
  for (let round = 0; round < repeats || (round < MOST_REPEATS && !isEnough(runs)); round++) {
    for (let i = 0; i < contestants.length; i++) {
      const contestant = contestants[(round + i) % contestants.length]!;
      await sleep(PAUSE_MS);
      const start = performance.now();
      await job(contestant);
      runs[contestant.name]!.push((performance.now() - start) / 1000);
    }
  }
  return { runs, results };
}

function isEnough(runs: Readonly<Record<string, readonly number[]>>): boolean {
  return Object.values(runs).every((times) => median(times) * times.length >= LEAST_SECONDS);
}

/** Share of equal codes, or the largest difference of the samples that both have. */
function compare(a: Result, b: Result): number {
  if (a instanceof Int32Array) return a.filter((code, i) => code === b[i]).length / a.length;
  return a.reduce((worst, sample, i) => (i < b.length ? Math.max(worst, Math.abs(sample - b[i]!)) : worst), 0);
}

function send(message: Message): void {
  process.send!(message);
}

process.once("message", (message: Work) => {
  void work(message).then(() => process.disconnect());
});

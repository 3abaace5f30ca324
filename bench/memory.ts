/**
 * Whether memory grows over many encodes and decodes of random lengths, each of which needs plans of its own.
 *   npm run bench -- memory [ENCODES] [MODEL]
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Tokenizer } from "../lib/models/tokenizer.js";
import { median } from "./support/statistics.js";

/** Resident bytes at two times. */
export interface MemoryGrowth {
  /** After the warm-up, when what is kept for later is there. */
  readonly early: number;
  readonly late: number;
}

export interface MemoryRun {
  readonly model: string;
  readonly warmUp: number;
  readonly encodes: number;
  /** Audio has from nothing to this. */
  readonly longestSeconds: number;
}

/** Encodes after which the heap has seen what random lengths need. */
const warmUp = 2000;
/** Medians of so many measurements. */
const SAMPLES = 8;
const goal = 0.02;

export async function measureMemoryGrowth(run: MemoryRun): Promise<MemoryGrowth> {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  await using tokenizer = await Tokenizer.load(run.model, { device: "cpu" });
  const longest = Math.round(run.longestSeconds * tokenizer.sampleRate);
  const audio = Float32Array.from({ length: longest }, (_, i) => Math.sin(i * i * 1e-6) / 2);
  let state = 1;
  const work = async (encodes: number) => {
    for (let i = 1; i <= encodes; i++) {
      state = Math.imul(state, 48271) >>> 0;
      const samples = audio.subarray(0, Math.round((state / 2 ** 32) * longest));
      const tokens = await tokenizer.encode(i % 2 ? samples : { samples, sampleRate: 16000 });
      if (i % 4 === 0) await tokenizer.decode(tokens);
    }
  };
  const resident = async () => {
    const measured: number[] = [];
    for (let i = 0; i < SAMPLES; i++) {
      await work(10);
      collectGarbage();
      measured.push(process.memoryUsage().rss);
    }
    return median(measured);
  };
  await work(run.warmUp);
  const early = await resident();
  await work(run.encodes);
  return { early, late: await resident() };
}

/** Prints the measurement; the exit code tells whether the goal is met. */
export async function main([count = "10000", model = "random:1:tiny"]: readonly string[]): Promise<void> {
  const encodes = Number(count);
  const { early, late } = await measureMemoryGrowth({ model, warmUp, encodes, longestSeconds: 2 });
  const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  console.log(`resident after ${warmUp} encodes of random lengths with ${model}, and after ${encodes} more:`);
  console.log(
    `  ${megabytes(early)}, ${megabytes(late)}: ${((100 * (late - early)) / early).toFixed(2)} %; goal: below ${100 * goal} %`,
  );
  if (late > early * (1 + goal)) process.exitCode = 1;
}

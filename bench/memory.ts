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
  /** After the first tenth of the encodes, when what is kept for later is there. */
  readonly early: number;
  readonly late: number;
  readonly encodes: number;
}

/** Audio is from nothing to this. */
const LONGEST_SECONDS = 2;
const SAMPLED = 40;
const goal = 0.02;

export async function measureMemoryGrowth(encodes: number, model: string): Promise<MemoryGrowth> {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  await using tokenizer = await Tokenizer.load(model, { device: "cpu" });
  const longest = LONGEST_SECONDS * tokenizer.sampleRate;
  const audio = Float32Array.from({ length: longest }, (_, i) => Math.sin(i * i * 1e-6) / 2);
  const resident: number[] = [];
  const every = Math.max(1, Math.floor(encodes / SAMPLED));
  for (let i = 1, state = 1; i <= encodes; i++) {
    state = Math.imul(state, 48271) >>> 0;
    const samples = audio.subarray(0, Math.round((state / 2 ** 32) * longest));
    const tokens = await tokenizer.encode(i % 2 ? samples : { samples, sampleRate: 16000 });
    if (i % 4 === 0) await tokenizer.decode(tokens);
    if (i % every > 0) continue;
    collectGarbage();
    resident.push(process.memoryUsage().rss);
  }
  const tenth = Math.ceil(resident.length / 10);
  return {
    early: median(resident.slice(tenth, 2 * tenth)),
    late: median(resident.slice(-tenth)),
    encodes,
  };
}

/** Prints the measurement; the exit code tells whether the goal is met. */
export async function main([encodes = "10000", model = "random:1:tiny"]: readonly string[]): Promise<void> {
  const { early, late } = await measureMemoryGrowth(Number(encodes), model);
  const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const growth = (100 * (late - early)) / early;
  console.log(`resident after a tenth and after all of ${encodes} encodes of random lengths with ${model}:`);
  console.log(`  ${megabytes(early)}, ${megabytes(late)}: ${growth.toFixed(2)} %; goal: below ${100 * goal} %`);
  if (late > early * (1 + goal)) process.exitCode = 1;
}

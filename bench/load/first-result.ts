/** A process that loads the model and encodes the samples given by its arguments, and prints the seconds from its start. */
import { readFileSync } from "node:fs";
import { Tokenizer } from "../../lib/index.js";

export interface FirstResult {
  /** From the process's start, Node's own included, to the loaded model. */
  readonly loaded: number;
  /** From then to codes. */
  readonly encoded: number;
}

async function main([folder, clip, threads]: readonly string[]): Promise<void> {
  await using tokenizer = await Tokenizer.load(folder!, { device: "cpu", threads: Number(threads) });
  const loaded = performance.now() / 1000;
  const { buffer } = new Uint8Array(readFileSync(clip!));
  await tokenizer.encode(new Float32Array(buffer));
  const result: FirstResult = { loaded, encoded: performance.now() / 1000 - loaded };
  console.log(JSON.stringify(result));
}

void main(process.argv.slice(2));

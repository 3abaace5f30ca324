/**
 * Peak memory and speed of files to files, each in a process of its own; speech of the given lengths in minutes.
 *   npm run bench -- long [MINUTES,MINUTES...] [MODEL]
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WavWriter } from "../lib/audio/wav-writer.js";
import { Tokenizer } from "../lib/models/tokenizer.js";
import { speechOf } from "./support/speech.js";

interface FileMeasurement {
  readonly audioSeconds: number;
  readonly seconds: number;
  /** Of the process, weights and all. */
  readonly peakBytes: number;
}

type Direction = "encode" | "decode";

/** What the process of its own does. */
async function convert(direction: Direction, input: string, output: string, model: string): Promise<FileMeasurement> {
  await using tokenizer = await Tokenizer.load(model, { device: "cpu" });
  const start = performance.now();
  const written =
    direction === "encode" ? await tokenizer.encodeFile(input, output) : await tokenizer.decodeFile(input, output);
  return {
    audioSeconds: written.samples / tokenizer.sampleRate,
    seconds: (performance.now() - start) / 1000,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  };
}

function measure(direction: Direction, input: string, output: string, model: string): FileMeasurement {
  const script = `require(${JSON.stringify(__filename)}).convertAndPrint(${JSON.stringify([direction, input, output, model])})`;
  return JSON.parse(execFileSync(process.execPath, ["-e", script], { encoding: "utf8" }));
}

export async function convertAndPrint([direction, input, output, model]: [Direction, string, string, string]) {
  console.log(JSON.stringify(await convert(direction, input, output, model)));
}

async function writeSpeech(path: string, minutes: number): Promise<void> {
  const minute = await speechOf(60, 24000);
  await using writer = await WavWriter.create(path, { sampleRate: 24000 });
  for (let i = 0; i < minutes; i++) await writer.write(minute);
  await writer.close();
}

export async function main([lengths = "1,10", model = "random:1"]: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "lmspt-long-"));
  const [wav, tokens, out] = ["in.wav", "a.lmspt", "out.wav"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  try {
    for (const minutes of lengths.split(",").map(Number)) {
      await writeSpeech(wav, minutes);
      for (const direction of ["encode", "decode"] as const) {
        const [from, to] = direction === "encode" ? [wav, tokens] : [tokens, out];
        const { audioSeconds, seconds, peakBytes } = measure(direction, from, to, model);
        const speed = `${(audioSeconds / seconds).toFixed(1)}x real time`;
        console.log(
          `${direction} ${minutes} min with ${model}: ${speed}, peak ${(peakBytes / 2 ** 20).toFixed(0)} MiB`,
        );
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

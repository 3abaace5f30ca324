/**
 * Where the time of encoding and decoding goes, level by level, as a share of the rate of a plain matrix product.
 *   npm run bench -- layers [--threads 1] [--seconds 10] [--precision fp32] [--model random:1]
 */
import { parseArgs } from "node:util";
import { Device } from "../lib/graph/device.js";
import { Graph, type Value } from "../lib/graph/graph.js";
import type { Data } from "../lib/graph/native.js";
import { slice } from "../lib/graph/ops/index.js";
import type { Precision } from "../lib/graph/precision.js";
import { samplesPerFrame } from "../lib/models/config.js";
import type { LmSpt } from "../lib/models/lmspt.js";
import { loadModel } from "../lib/models/load.js";
import { measureLimits } from "./cpu/limits.js";
import { speechOf } from "./support/speech.js";
import { median } from "./support/statistics.js";

const REPEATS = 5;

/** The layers of one width and rate: those that lead to it, and its residual units. */
interface LevelTime {
  readonly level: string;
  readonly milliseconds: number;
  /** Of the convolutions as they are defined; the fast algorithm does fewer. */
  readonly gflop: number;
}

export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      threads: { type: "string", default: "1" },
      seconds: { type: "string", default: "10" },
      precision: { type: "string", default: "fp32" },
      model: { type: "string", default: "random:1" },
    },
  });
  const precision = values.precision as Precision;
  const [threads, seconds] = [Number(values.threads), Number(values.seconds)];
  const { model } = await loadModel(values.model);
  const { matrixGflops } = await measureLimits(threads, precision);
  const rate = model.config.sample_rate;
  const frames = Math.ceil((seconds * rate) / samplesPerFrame(model.config));
  await using device = Device.open("cpu", { threads });
  const audio = new Float32Array(frames * samplesPerFrame(model.config));
  audio.set(await speechOf(seconds, rate));

  console.log(`${device.description}, ${device.arithmetic(precision)}`);
  console.log(`matrix product ${matrixGflops.toFixed(0)} GFLOP/s, ${seconds} s\n`);
  const where = { device, precision, limit: matrixGflops };
  const codes = await report("encode", where, encodePlan(model, audio), encoderGflop(model, frames));
  await report("decode", where, decodePlan(model, codes as Int32Array), decoderGflop(model, frames));
}

/** What is recorded, and the input it takes. */
interface Job {
  readonly graph: Graph;
  readonly y: Value;
  readonly inputs: Readonly<Record<string, Data>>;
}

function encodePlan(model: LmSpt, audio: Float32Array): Job {
  const graph = new Graph();
  return { graph, y: model.encode(graph.input("audio", [1, audio.length, 1])), inputs: { audio } };
}

function decodePlan(model: LmSpt, codes: Int32Array): Job {
  const graph = new Graph();
  const { n_codebooks: all, n_semantic_codebooks: semantic } = model.config;
  const input = graph.input("codes", [1, codes.length / all, all], "i32");
  const y = model.decode(slice(input, 2, 0, semantic), slice(input, 2, semantic, all - semantic));
  return { graph, y, inputs: { codes } };
}

/** GFLOP by level, named by the shape of its values. */
function encoderGflop({ config }: LmSpt, frames: number): Map<string, number> {
  const levels = new Map<string, number>();
  let rows = frames * samplesPerFrame(config);
  let channels = config.semantic_encoder_dim;
  const units = 2 * config.dilation.length * (config.residual_kernel_size + 1);
  levels.set(shape(rows, channels), (2 * (units * channels * channels + 2 * 7 * channels) * rows) / 1e9);
  for (const [i, stride] of config.encoder_rates.entries()) {
    rows /= stride;
    channels *= 2;
    const last = i === config.encoder_rates.length - 1;
    const down = 2 * 2 * stride * (channels / 2) * channels;
    const inside = last ? 2 * 2 * 3 * channels * config.latent_dim : units * channels * channels * 2;
    levels.set(shape(rows, channels), ((2 * down + inside) * rows) / 1e9);
  }
  return levels;
}

function decoderGflop({ config }: LmSpt, frames: number): Map<string, number> {
  let [rows, channels] = [frames, config.decoder_dim];
  const levels = new Map([[shape(rows, channels), (2 * 7 * config.latent_dim * channels * rows) / 1e9]]);
  const units = 2 * config.dilation.length * (config.residual_kernel_size + 1);
  for (const rate of config.decoder_rates) {
    rows = (rows - 1) * rate + 2 * rate - 2 * Math.ceil(rate / 2);
    channels /= 2;
    levels.set(shape(rows, channels), ((8 + units) * channels * channels * rows) / 1e9);
  }
  levels.set(shape(rows, 1), (2 * 7 * channels * rows) / 1e9);
  return levels;
}

const shape = (rows: number, channels: number) => `[1, ${rows}, ${channels}]`;

/** Prints the levels and returns what the plan gave. */
async function report(
  title: string,
  { device, precision, limit }: { device: Device; precision: Precision; limit: number },
  { graph, y, inputs }: Job,
  gflop: ReadonlyMap<string, number>,
): Promise<Data> {
  const plan = await graph.compile(device, { y }, [], { precision });
  const { y: result } = await plan.run(inputs);
  const runs: (readonly { shape: string; milliseconds: number }[])[] = [];
  for (let i = 0; i < REPEATS; i++) runs.push((await plan.trace(inputs)).steps);
  const levels = new Map<string, LevelTime>();
  for (const [i, step] of runs[0]!.entries()) {
    const level = gflop.has(step.shape) ? step.shape : "the rest";
    const milliseconds = (levels.get(level)?.milliseconds ?? 0) + median(runs.map((steps) => steps[i]!.milliseconds));
    levels.set(level, { level, milliseconds, gflop: gflop.get(level) ?? 0 });
  }
  const total = [...levels.values()].reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  console.log(`${title}: ${total.toFixed(0)} ms in the layers`);
  for (const { level, milliseconds, gflop } of levels.values()) {
    const rate = (gflop / milliseconds) * 1e3;
    const achieved = gflop > 0 ? `${gflop.toFixed(2)} GFLOP, ${rate.toFixed(0)} GFLOP/s, ${percent(rate / limit)}` : "";
    console.log(
      `  ${level.padEnd(18)} ${milliseconds.toFixed(1).padStart(7)} ms ${percent(milliseconds / total)}  ${achieved}`,
    );
  }
  return result;
}

const percent = (share: number) => `${(100 * share).toFixed(0).padStart(3)} %`;

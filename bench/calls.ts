/**
 * What a call from JavaScript costs beyond the computing: of a plan that does next to nothing, and of a tokenizer on a
 * single frame, whose plan is also run bare. Calls take turns.
 *   npm run bench -- calls [CALLS] [DEVICE] [MODEL]
 */
import { Device, type DeviceName } from "../lib/graph/device.js";
import { Graph } from "../lib/graph/graph.js";
import * as ops from "../lib/graph/ops/index.js";
import { samplesPerFrame } from "../lib/models/config.js";
import { loadModel } from "../lib/models/load.js";
import { Tokenizer } from "../lib/models/tokenizer.js";
import { median } from "./support/statistics.js";

/** Medians, in ms. */
export interface CallTimes {
  readonly device: string;
  readonly emptyPlan: number;
  readonly encodePlan: number;
  readonly encode: number;
  readonly decodePlan: number;
  readonly decode: number;
}

export async function measureCalls(calls: number, deviceName: DeviceName, name: string): Promise<CallTimes> {
  await using tokenizer = await Tokenizer.load(name, { device: deviceName });
  await using device = Device.open(deviceName);
  const { model } = await loadModel(name);
  const samples = Float32Array.from({ length: samplesPerFrame(model.config) }, (_, i) => Math.sin(i * i * 1e-4) / 2);
  const graph = new Graph();
  const empty = await graph.compile(device, { y: ops.neg(graph.input("x", [1])) });
  const audio = graph.input("audio", [1, samples.length, 1]);
  const encoding = await graph.compile(device, { y: model.encode(audio) });
  const { n_codebooks: all, n_semantic_codebooks: semantic } = model.config;
  const codes = graph.input("codes", [1, 1, all], "i32");
  const parts = [ops.slice(codes, 2, 0, semantic), ops.slice(codes, 2, semantic, all - semantic)] as const;
  const decoding = await graph.compile(device, { y: model.decode(...parts) });
  const tokens = await tokenizer.encode(samples);
  const one = Float32Array.of(1);
  const zeros = new Int32Array(all);
  const contestants: Record<Exclude<keyof CallTimes, "device">, () => Promise<unknown>> = {
    emptyPlan: () => empty.run({ x: one }),
    encodePlan: () => encoding.run({ audio: samples }),
    encode: () => tokenizer.encode(samples),
    decodePlan: () => decoding.run({ codes: zeros }),
    decode: () => tokenizer.decode(tokens),
  };
  const times = Object.fromEntries(Object.keys(contestants).map((contestant) => [contestant, [] as number[]]));
  for (let call = -10; call < calls; call++) {
    for (const [contestant, run] of Object.entries(contestants)) {
      const start = performance.now();
      await run();
      if (call >= 0) times[contestant]!.push(performance.now() - start);
    }
  }
  for (const plan of [empty, encoding, decoding]) plan.close();
  graph.close();
  const medians = Object.fromEntries(Object.entries(times).map(([contestant, all]) => [contestant, median(all)]));
  return { device: device.description, ...(medians as unknown as Omit<CallTimes, "device">) };
}

export async function main(args: readonly string[]): Promise<void> {
  const [calls = "500", device = "cpu", model = "random:1:tiny"] = args;
  const times = await measureCalls(Number(calls), device as DeviceName, model);
  const line = (what: string, milliseconds: number, note = "") => {
    console.log(`  ${what.padEnd(30)} ${(milliseconds * 1000).toFixed(0).padStart(7)} us${note}`);
  };
  const beyond = (call: number, plan: number) => `, ${((call - plan) * 1000).toFixed(0)} us more than its plan alone`;
  console.log(`calls on ${times.device}, ${model}, medians of ${calls}:`);
  line("a plan of one negation", times.emptyPlan);
  line("the plan that encodes a frame", times.encodePlan);
  line("encode of a frame", times.encode, beyond(times.encode, times.encodePlan));
  line("the plan that decodes a frame", times.decodePlan);
  line("decode of a frame", times.decode, beyond(times.decode, times.decodePlan));
}

/** How long a step of a stream takes: every frame is pushed alone or in groups, and waited for, as a live stream would. */
import { Device } from "../../lib/graph/device.js";
import { CausalPlans } from "../../lib/models/causal-plans.js";
import { CausalDecoder, CausalEncoder } from "../../lib/models/causal-stream.js";
import { samplesPerFrame } from "../../lib/models/config.js";
import type { LmSpt } from "../../lib/models/lmspt.js";
import { speechOf } from "../support/speech.js";
import { median } from "../support/statistics.js";

export interface Steps {
  readonly variant: string;
  readonly threads: number;
  readonly direction: "encode" | "decode";
  /** Frames pushed at a time. */
  readonly length: number;
  /** Milliseconds of each push, from the call to the result. */
  readonly times: readonly number[];
}

export interface Setting {
  readonly variant: string;
  readonly threads: number;
  /** Of the stream. */
  readonly frames: number;
  readonly lengths: readonly number[];
}

/** A stream of speech, encoded and decoded again, once per length of push. */
export async function measureSteps(model: LmSpt, { variant, threads, frames, lengths }: Setting): Promise<Steps[]> {
  const { sample_rate: rate, n_codebooks: all, n_semantic_codebooks: semantic } = model.config;
  const hop = samplesPerFrame(model.config);
  const speech = await speechOf((frames * hop) / rate, rate);
  const result: Steps[] = [];
  await using device = Device.open("cpu", { variant, threads });
  const plans = new CausalPlans(model, device);
  const encoder = new CausalEncoder(plans);
  const decoder = new CausalDecoder(plans, { decoder: "main", semantic, acoustic: all - semantic });
  for (const length of lengths) {
    // The first push of a length makes its plan.
    await decoder.push(await encoder.push(speech.slice(0, length * hop)));
    await Promise.all([encoder.reset(), decoder.reset()]);
    const times = { encode: [] as number[], decode: [] as number[] };
    for (let frame = 0; frame + length <= frames; frame += length) {
      const start = performance.now();
      const codes = await encoder.push(speech.subarray(frame * hop, (frame + length) * hop));
      const middle = performance.now();
      await decoder.push(codes);
      times.encode.push(middle - start);
      times.decode.push(performance.now() - middle);
    }
    for (const direction of ["encode", "decode"] as const) {
      result.push({ variant, threads, direction, length, times: times[direction] });
    }
  }
  await plans.close();
  return result;
}

/** Milliseconds: of a push and of a frame in it, of 99 pushes in 100, and of the first and the last tenth of the stream. */
export function summarize({ length, times }: Steps): {
  push: number;
  frame: number;
  p99: number;
  first: number;
  last: number;
} {
  const tenth = Math.max(1, Math.floor(times.length / 10));
  const sorted = [...times].sort((a, b) => a - b);
  const push = median(times);
  return {
    push,
    frame: push / length,
    p99: sorted[Math.ceil(0.99 * sorted.length) - 1]!,
    first: median(times.slice(0, tenth)),
    last: median(times.slice(-tenth)),
  };
}

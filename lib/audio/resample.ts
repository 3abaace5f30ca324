/**
 * Resampling, equal to torchaudio's default. It is a strided convolution with one kernel per output phase, which the
 * engine computes in blocks; a row of it does not depend on its block, and so the result not on the length of the signal.
 */
import { AN_ABORT_SIGNAL, checkOptions } from "../arguments.js";
import { invalidArgument, LmsptError } from "../errors.js";
import type { Device } from "../graph/device.js";
import { Graph } from "../graph/graph.js";
import { conv1d } from "../graph/ops/index.js";
import type { Plan } from "../graph/plan.js";
import { PlanCache } from "../graph/plan-cache.js";
import { Ratio } from "./resample-ratio.js";
import { BlockStream, type ResampleStream, TapStream, UNCHANGED } from "./resample-stream.js";

/** Output samples per block, about. */
const BLOCK = 48000;
/** Samples of a result at most. */
const LONGEST = 2 ** 31 - 1;
/** Pairs of rates whose tables are kept. */
const CACHED_PLANS = 8;
/** Above this many kernel values (rates with no common divisor), taps are computed where they are needed instead. */
const LARGEST_TABLE = 1 << 23;

export interface ResampleOptions {
  readonly signal?: AbortSignal;
}

export interface ResampleStreamOptions extends ResampleOptions {
  /** Samples of the result that may be held back, about, until more can be computed together; 48000 by default. */
  readonly block?: number;
}

/** Changes the rate of signals, on a device. */
export class Resampler {
  private readonly plans = new PlanCache<Plan<"y">>(CACHED_PLANS);

  constructor(private readonly device: Device) {}

  /**
   * Samples at `from` Hz to samples at `to` Hz: ceil(length * to / from) of them. Rates are positive integers. Equal rates
   * give back `samples` itself. Rejects with ERR_LMSPT_INVALID_ARGUMENT or the signal's reason.
   */
  async resample(
    samples: Float32Array,
    from: number,
    to: number,
    options: ResampleOptions = {},
  ): Promise<Float32Array> {
    const { signal } = checkOptions(options, { signal: AN_ABORT_SIGNAL });
    if (!(samples instanceof Float32Array)) throw invalidArgument("samples", "a Float32Array", samples);
    const ratio = new Ratio(from, to);
    signal?.throwIfAborted();
    if (from === to) return samples;
    const length = ratio.outputLength(samples.length);
    if (length > LONGEST) {
      throw new LmsptError(
        "ERR_LMSPT_OUT_OF_MEMORY",
        `${samples.length} samples at ${from} Hz make ${length} at ${to} Hz; at most ${LONGEST} fit`,
      );
    }
    const result = new Float32Array(length);
    const stream = this.stream(from, to, { signal });
    let done = 0;
    const keep = (part: Float32Array) => {
      result.set(part, done);
      done += part.length;
    };
    for (let start = 0; start < samples.length; start += BLOCK) {
      keep(await stream.push(samples.subarray(start, start + BLOCK)));
    }
    keep(await stream.finish());
    return result;
  }

  /** The same for a signal that arrives in pieces; all pieces of the result together are what `resample` gives. */
  stream(from: number, to: number, { signal, block = BLOCK }: ResampleStreamOptions = {}): ResampleStream {
    const ratio = new Ratio(from, to);
    if (from === to) return UNCHANGED;
    if (ratio.up * ratio.taps > LARGEST_TABLE) return new TapStream(ratio, signal);
    const rows = Math.ceil(block / ratio.up);
    const compute = (x: Float32Array) => {
      signal?.throwIfAborted();
      return this.plans.use(
        `${ratio.down}:${ratio.up} ${rows}`,
        () => makePlan(this.device, ratio, rows),
        async (plan) => (await plan.run({ x })).y as Float32Array,
      );
    };
    return new BlockStream(ratio, { rows, compute });
  }

  /** Gives the memory of the tables back. */
  close(): void {
    this.plans.clear();
  }
}

function makePlan(device: Device, ratio: Ratio, rows: number): Promise<Plan<"y">> {
  const { up, down, taps } = ratio;
  const kernel = Float32Array.from({ length: up * taps }, (_, i) => ratio.weight(Math.floor(i / taps), i % taps));
  const graph = new Graph();
  const x = graph.input("x", [1, (rows - 1) * down + taps, 1]);
  const y = conv1d(x, graph.constant(kernel, [up, 1, taps]), undefined, { stride: down });
  return graph.compile(device, { y });
}

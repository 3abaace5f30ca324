/**
 * Windowed-sinc resampling (Hann window, 6 zero crossings, roll-off 0.99), equal to torchaudio's default. It is a strided
 * convolution with one kernel per output phase, which the engine computes in blocks of one size, so that the result does
 * not depend on the length of the signal.
 */

import { setImmediate } from "node:timers/promises";
import { AN_ABORT_SIGNAL, checkOptions } from "../arguments.js";
import { invalidArgument, LmsptError } from "../errors.js";
import type { Device } from "../graph/device.js";
import { Graph } from "../graph/graph.js";
import { conv1d } from "../graph/ops/index.js";
import type { Plan } from "../graph/plan.js";
import { PlanCache } from "../graph/plan-cache.js";

const ZERO_CROSSINGS = 6;
const ROLL_OFF = 0.99;
/** Output samples per block, about. */
const BLOCK = 48000;
/** Samples of a result at most. */
const LONGEST = 2 ** 31 - 1;
/** Pairs of rates whose tables are kept. */
const CACHED_PLANS = 8;
/** Above this many kernel values (rates with no common divisor), taps are computed where they are needed instead. */
const LARGEST_TABLE = 1 << 23;

/** Rates divided by their greatest common divisor, and the reach of the kernel in input samples. */
class Ratio {
  readonly down: number;
  readonly up: number;
  readonly reach: number;
  private readonly cutoff: number;

  constructor(from: number, to: number) {
    const divisor = greatestCommonDivisor(from, to);
    this.down = from / divisor;
    this.up = to / divisor;
    this.cutoff = Math.min(this.down, this.up) * ROLL_OFF;
    this.reach = Math.ceil((ZERO_CROSSINGS * this.down) / this.cutoff);
  }

  get taps(): number {
    return 2 * this.reach + this.down;
  }

  /** The weight of the input sample `tap` (counted from `reach` before the block) in the output of a phase. */
  weight(phase: number, tap: number): number {
    const limit = ZERO_CROSSINGS;
    const time = this.cutoff * (-phase / this.up + (tap - this.reach) / this.down);
    const t = Math.min(limit, Math.max(-limit, time));
    const window = Math.cos((t * Math.PI) / limit / 2) ** 2;
    const sinc = t === 0 ? 1 : Math.sin(t * Math.PI) / (t * Math.PI);
    return (sinc * window * this.cutoff) / this.down;
  }

  outputLength(samples: number): number {
    return Math.ceil((samples * this.up) / this.down);
  }
}

/** Changes the rate of signals, on a device. */
export class Resampler {
  private readonly plans = new PlanCache<BlockPlan>(CACHED_PLANS);

  constructor(private readonly device: Device) {}

  /**
   * Samples at `from` Hz to samples at `to` Hz: ceil(length * to / from) of them. Rates are positive integers. Equal rates
   * give back `samples` itself. Rejects with ERR_LMSPT_INVALID_ARGUMENT or the signal's reason.
   */
  async resample(
    samples: Float32Array,
    from: number,
    to: number,
    options: { signal?: AbortSignal } = {},
  ): Promise<Float32Array> {
    const { signal } = checkOptions(options, { signal: AN_ABORT_SIGNAL });
    if (!(samples instanceof Float32Array)) throw invalidArgument("samples", "a Float32Array", samples);
    for (const rate of [from, to]) {
      if (!Number.isSafeInteger(rate) || rate < 1) throw invalidArgument("a sample rate", "a positive integer", rate);
    }
    signal?.throwIfAborted();
    if (from === to) return samples;
    const ratio = new Ratio(from, to);
    if (ratio.outputLength(samples.length) > LONGEST) {
      throw new LmsptError(
        "ERR_LMSPT_OUT_OF_MEMORY",
        `${samples.length} samples at ${from} Hz make ${ratio.outputLength(samples.length)} at ${to} Hz; at most ${LONGEST} fit`,
      );
    }
    if (ratio.up * ratio.taps > LARGEST_TABLE) return resampleByTap(samples, ratio, signal);
    const { plan, rows } = await this.plans.get(`${ratio.down}:${ratio.up}`, () => makePlan(this.device, ratio));
    const result = new Float32Array(ratio.outputLength(samples.length));
    const block = new Float32Array(plan.inputs[0]!.shape[1]!);
    for (let row = 0; row * ratio.up < result.length; row += rows) {
      signal?.throwIfAborted();
      const first = row * ratio.down - ratio.reach;
      block.fill(0);
      block.set(samples.subarray(Math.max(0, first), Math.max(0, first + block.length)), Math.max(0, -first));
      const { y } = await plan.run({ x: block });
      const place = row * ratio.up;
      result.set((y as Float32Array).subarray(0, result.length - place), place);
    }
    return result;
  }
}

interface BlockPlan {
  readonly plan: Plan<"y">;
  /** Groups of `up` output samples per block. */
  readonly rows: number;
}

async function makePlan(device: Device, ratio: Ratio): Promise<BlockPlan> {
  const { up, down, taps } = ratio;
  const kernel = Float32Array.from({ length: up * taps }, (_, i) => ratio.weight(Math.floor(i / taps), i % taps));
  const rows = Math.ceil(BLOCK / up);
  const graph = new Graph();
  const x = graph.input("x", [1, (rows - 1) * down + taps, 1]);
  const y = conv1d(x, graph.constant(kernel, [up, 1, taps]), undefined, { stride: down });
  return { plan: await graph.compile(device, { y }), rows };
}

async function resampleByTap(samples: Float32Array, ratio: Ratio, signal?: AbortSignal): Promise<Float32Array> {
  const result = new Float32Array(ratio.outputLength(samples.length));
  const pause = Math.max(1, Math.floor(100_000 / (2 * ratio.reach)));
  for (let i = 0; i < result.length; i++) {
    if (i % pause === 0) {
      signal?.throwIfAborted();
      await setImmediate();
    }
    const phase = i % ratio.up;
    const base = ((i - phase) / ratio.up) * ratio.down - ratio.reach;
    const centre = Math.round((phase * ratio.down) / ratio.up);
    let sum = 0;
    for (let tap = Math.max(0, centre - 1); tap <= centre + 2 * ratio.reach + 1 && tap < ratio.taps; tap++) {
      const sample = samples[base + tap];
      if (sample !== undefined) sum += sample * ratio.weight(phase, tap);
    }
    result[i] = sum;
  }
  return result;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

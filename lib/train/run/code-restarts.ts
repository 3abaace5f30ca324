/**
 * Codes that never come up have no gradient and stay where they are. Every so many steps, those that did not come up since
 * the last time begin anew where speech is: at projected latents of the batch at hand.
 */
import { countCodes } from "../../eval/code-usage.js";
import type { Device } from "../../graph/device.js";
import { Variable } from "../../graph/variable.js";
import type { ResidualQuantizer } from "../../models/residual-quantizer.js";
import { randomBits } from "../random.js";
import type { Recipe } from "../step/index.js";
import type { Named } from "./tensors.js";

export interface RestartPlan {
  /** Steps between two times; 0 for never. */
  readonly every: number;
  readonly seed: number;
}

export interface Restarts {
  readonly semantic: CodeRestarts;
  readonly acoustic: CodeRestarts;
}

/** Of one quantizer's codebooks, which are of one size. */
export class CodeRestarts {
  /** How often each code came up since the last time (codebooks, codes); undefined where there is nothing to restart. */
  private readonly counts: Variable | undefined;
  private restarted = 0;

  constructor(
    private readonly quantizer: ResidualQuantizer,
    private readonly plan: RestartPlan,
  ) {
    const [first] = quantizer.codebooks;
    if (!first || plan.every === 0) return;
    const shape = [quantizer.codebooks.length, first.shape[0]!];
    this.counts = Variable.from(new Float32Array(shape[0]! * shape[1]!), shape, { frozen: false });
  }

  /** What a checkpoint keeps, `kind` being the quantizer's. */
  named(kind: string): Named {
    return this.counts ? [[`${kind}.counts`, this.counts]] : [];
  }

  /**
   * After step `step`, with codes (frames, codebooks) and latents (frames, codebooks, d) of its batch. Of each codebook begin
   * at most as many codes anew as there are frames.
   */
  async after(step: number, codes: Int32Array, latents: Float32Array, device: Device): Promise<void> {
    if (!this.counts) return;
    const counts = this.counts.read() as Float32Array;
    const { codebooks } = this.quantizer;
    countCodes(counts, codes, codebooks.length);
    if (step % this.plan.every === 0) {
      const size = counts.length / codebooks.length;
      for (const k of codebooks.keys()) {
        await this.restart(k, counts.subarray(k * size, (k + 1) * size), latents, step, device);
      }
      counts.fill(0);
    }
    this.counts.write(counts);
  }

  /** How many codes began anew since the last report. */
  report(): number {
    const { restarted } = this;
    this.restarted = 0;
    return restarted;
  }

  private async restart(k: number, counts: Float32Array, latents: Float32Array, step: number, device: Device) {
    const { codebooks } = this.quantizer;
    const { variable, shape } = codebooks[k]!;
    const [count, dimension] = [codebooks.length, shape[1]!];
    const frames = this.shuffled(latents.length / (count * dimension), step * count + k);
    const idle = [...counts.keys()].filter((code) => counts[code] === 0).slice(0, frames.length);
    if (idle.length === 0) return;
    const [rows] = (await device.read([variable])) as [Float32Array];
    for (const [i, code] of idle.entries()) {
      const from = (frames[i]! * count + k) * dimension;
      rows.set(latents.subarray(from, from + dimension), code * dimension);
    }
    variable.write(rows);
    this.restarted += idle.length;
  }

  private shuffled(frames: number, draw: number): number[] {
    const keys = Array.from({ length: frames }, (_, i) => randomBits(this.plan.seed, "restarts", draw * frames + i));
    return [...keys.keys()].sort((a, b) => keys[a]! - keys[b]!);
  }
}

export function makeRestarts({ model: { quantizer } }: Recipe, plan: RestartPlan): Restarts {
  return { semantic: new CodeRestarts(quantizer.semantic, plan), acoustic: new CodeRestarts(quantizer.acoustic, plan) };
}

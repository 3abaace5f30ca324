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

/** Of one quantizer's codebooks. */
export class CodeRestarts {
  private readonly counts: readonly Variable[];

  constructor(
    private readonly quantizer: ResidualQuantizer,
    private readonly plan: RestartPlan,
  ) {
    const codebooks = plan.every > 0 ? quantizer.codebooks : [];
    this.counts = codebooks.map(({ shape: [size] }) =>
      Variable.from(new Float32Array(size!), [size!], { frozen: false }),
    );
  }

  /** What a checkpoint keeps: how often each code came up since the last time. */
  get named(): Named {
    return this.counts.map((counts, k) => [`counts.${this.quantizer.codebooks[k]!.name}`, counts]);
  }

  /**
   * After step `step`, with codes (frames, K) and latents (frames, K, d) of its batch. Returns how many codes begin anew: at
   * most as many of each codebook as there are frames.
   */
  async after(step: number, codes: Int32Array, latents: Float32Array, device: Device): Promise<number> {
    const count = this.counts.length;
    let restarted = 0;
    for (const [k, variable] of this.counts.entries()) {
      const counts = variable.read() as Float32Array;
      countCodes(
        counts,
        codes.filter((_, i) => i % count === k),
        1,
      );
      const isDue = step % this.plan.every === 0;
      if (isDue) restarted += await this.restart(k, counts, latents, step, device);
      variable.write(isDue ? counts.fill(0) : counts);
    }
    return restarted;
  }

  private async restart(
    k: number,
    counts: Float32Array,
    latents: Float32Array,
    step: number,
    device: Device,
  ): Promise<number> {
    const { variable, shape } = this.quantizer.codebooks[k]!;
    const count = this.counts.length;
    const dimension = shape[1]!;
    const frames = this.shuffled(latents.length / (count * dimension), step * count + k);
    const idle = [...counts.keys()].filter((code) => counts[code] === 0).slice(0, frames.length);
    if (idle.length === 0) return 0;
    const [rows] = (await device.read([variable])) as [Float32Array];
    for (const [i, code] of idle.entries()) {
      const from = (frames[i]! * count + k) * dimension;
      rows.set(latents.subarray(from, from + dimension), code * dimension);
    }
    variable.write(rows);
    return idle.length;
  }

  private shuffled(frames: number, draw: number): number[] {
    const keys = Array.from({ length: frames }, (_, i) => randomBits(this.plan.seed, "restarts", draw * frames + i));
    return [...keys.keys()].sort((a, b) => keys[a]! - keys[b]!);
  }
}

export function makeRestarts({ model: { quantizer } }: Recipe, plan: RestartPlan): Restarts {
  return { semantic: new CodeRestarts(quantizer.semantic, plan), acoustic: new CodeRestarts(quantizer.acoustic, plan) };
}

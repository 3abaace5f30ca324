import type { Value } from "../graph/graph.js";
import { add, clamp, concat, mean, mul, reshape, slice, sub } from "../graph/ops/index.js";
import type { Parameter } from "../nn/index.js";
import type { CodebookStage, Quantized, TrainedQuantized } from "./quantized.js";

/** Stages that each quantize what the ones before left over. */
export class ResidualQuantizer {
  constructor(readonly stages: readonly CodebookStage[]) {}

  /** Of the stages that have one. */
  get codebooks(): readonly Parameter[] {
    return this.stages.flatMap(({ codebook }) => codebook ?? []);
  }

  encode(latent: Value): Quantized {
    let residual = latent;
    let sum: Value | undefined;
    const codes: Value[] = [];
    for (const stage of this.stages) {
      const code = stage.encode(residual);
      const part = stage.decode(code);
      residual = sub(residual, part);
      sum = sum ? add(sum, part) : part;
      codes.push(reshape(code, [...code.shape, 1]));
    }
    return { codes: concat(codes, -1), latent: sum! };
  }

  /**
   * As in training. `used` (B) is the number of stages that count for each item (quantizer dropout); all by default. The
   * losses are means over the batch, summed over the stages.
   */
  train(latent: Value, used?: Value): TrainedQuantized {
    let residual = latent;
    const codes: Value[] = [];
    const parts: Value[] = [];
    const projected: Value[] = [];
    const commitments: Value[] = [];
    const codebooks: Value[] = [];
    for (const [i, stage] of this.stages.entries()) {
      const part = stage.train(residual);
      const counts = used && clamp(sub(used, i), 0, 1);
      const masked = (value: Value) => (counts ? mul(value, counts) : value);
      residual = sub(residual, part.latent);
      codes.push(reshape(part.codes, [...part.codes.shape, 1]));
      parts.push(counts ? mul(part.latent, reshape(counts, [counts.dim(0), 1, 1])) : part.latent);
      projected.push(part.projected);
      commitments.push(mean(masked(part.commitment)));
      codebooks.push(mean(masked(part.codebook)));
    }
    const total = (values: readonly Value[]) => values.reduce((sum, value) => add(sum, value));
    return {
      codes: concat(codes, -1),
      latent: total(parts),
      projected: concat(projected, -1),
      commitment: total(commitments),
      codebook: total(codebooks),
    };
  }

  /** Codes (B, T, n) of the first n stages -> (B, T, D). */
  decode(codes: Value): Value {
    const [batch, frames, count] = codes.shape as [number, number, number];
    const parts = this.stages
      .slice(0, count)
      .map((stage, i) => stage.decode(reshape(slice(codes, 2, i, 1), [batch, frames])));
    return parts.reduce((sum, part) => add(sum, part));
  }
}

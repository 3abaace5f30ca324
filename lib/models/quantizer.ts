/** The quantizers: factorised cosine VQ, residual VQ, FSQ, and the dual quantizer that splits meaning from the rest. */
import type { Value } from "../graph/graph.js";
import {
  add,
  clamp,
  codebookLookup,
  codebookSearch,
  concat,
  mean,
  mul,
  reshape,
  slice,
  square,
  stopGradient,
  sub,
} from "../graph/ops/index.js";
import { Conv1d, type Parameter, type Scope } from "../nn/index.js";
import type { ModelConfig } from "./config.js";
import { FiniteScalarQuantizer } from "./fsq.js";

/** What a quantizer makes of a latent: codes (B, T, K) of type i32, and the latent that they stand for (B, T, D). */
export interface Quantized {
  readonly codes: Value;
  readonly latent: Value;
}

/** What training makes of a latent: the gradient passes straight through, and two losses (scalars) shape the codebook. */
export interface TrainedQuantized extends Quantized {
  /** Pulls the encoder to the codebook: mean (z_e - sg(z_q))^2. */
  readonly commitment: Value;
  /** Pulls the codebook to the encoder: mean (z_q - sg(z_e))^2. */
  readonly codebook: Value;
}

/** A stage of a quantizer: one code per frame. */
export interface CodebookStage {
  /** (B, T, D) -> codes (B, T). */
  encode(latent: Value): Value;
  /** Codes (B, T) -> (B, T, D). */
  decode(codes: Value): Value;
  /** As `encode` and `decode` together, with codes (B, T) and losses per item (B). */
  train(latent: Value): TrainedQuantized;
}

/** Nearest code by cosine in a low-dimensional space; the looked-up vector is the unnormalised codebook row. */
export class VectorQuantize implements CodebookStage {
  private readonly inProjection: Conv1d;
  private readonly outProjection: Conv1d;
  private readonly codebook: Parameter;

  constructor(scope: Scope, latent: number, size: number, dimension: number) {
    this.inProjection = new Conv1d(scope.at("in_proj"), latent, dimension, 1);
    this.outProjection = new Conv1d(scope.at("out_proj"), dimension, latent, 1);
    this.codebook = scope.at("codebook").parameter("weight", [size, dimension], { kind: "normal", deviation: 1 });
  }

  encode(latent: Value): Value {
    return codebookSearch(this.inProjection.forward(latent), this.codebook.in(latent.graph));
  }

  decode(codes: Value): Value {
    return this.outProjection.forward(codebookLookup(codes, this.codebook.in(codes.graph)));
  }

  train(latent: Value): TrainedQuantized {
    const projected = this.inProjection.forward(latent);
    const codebook = this.codebook.in(latent.graph);
    const codes = codebookSearch(projected, codebook);
    const row = codebookLookup(codes, codebook);
    const passed = add(projected, stopGradient(sub(row, projected)));
    return {
      codes,
      latent: this.outProjection.forward(passed),
      commitment: distancePerItem(projected, stopGradient(row)),
      codebook: distancePerItem(row, stopGradient(projected)),
    };
  }
}

function distancePerItem(a: Value, b: Value): Value {
  return mean(square(sub(a, b)), { axes: [1, 2] });
}

/** Stages that each quantize what the ones before left over. */
export class ResidualQuantizer {
  constructor(readonly stages: readonly CodebookStage[]) {}

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
    const commitments: Value[] = [];
    const codebooks: Value[] = [];
    for (const [i, stage] of this.stages.entries()) {
      const part = stage.train(residual);
      const counts = used && clamp(sub(used, i), 0, 1);
      const masked = (value: Value) => (counts ? mul(value, counts) : value);
      residual = sub(residual, part.latent);
      codes.push(reshape(part.codes, [...part.codes.shape, 1]));
      parts.push(counts ? mul(part.latent, reshape(counts, [counts.dim(0), 1, 1])) : part.latent);
      commitments.push(mean(masked(part.commitment)));
      codebooks.push(mean(masked(part.codebook)));
    }
    const total = (values: readonly Value[]) => values.reduce((sum, value) => add(sum, value));
    return {
      codes: concat(codes, -1),
      latent: total(parts),
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

/** One semantic quantizer, and acoustic ones for what it leaves (or, without subtraction, for the whole). */
export class DualQuantizer {
  private readonly semantic: ResidualQuantizer;
  private readonly acoustic: ResidualQuantizer;
  private readonly subtraction: boolean;

  constructor(scope: Scope, config: ModelConfig) {
    const acousticCount = config.n_codebooks - config.n_semantic_codebooks;
    this.semantic = new ResidualQuantizer(semanticStages(scope.at("rvq_first"), config));
    this.acoustic = new ResidualQuantizer(
      Array.from({ length: acousticCount }, (_, i) => {
        const at = scope.at("rvq_rest", "quantizers", i);
        return new VectorQuantize(at, config.latent_dim, config.acoustic_codebook_size, config.acoustic_codebook_dim);
      }),
    );
    this.subtraction = config.semantic_subtraction;
    const zero = { kind: "constant", value: 0 } as const;
    scope.parameter("semantic_vocab_usage", [config.n_semantic_codebooks, config.semantic_codebook_size], zero);
    scope.parameter("acoustic_vocab_usage", [acousticCount, config.acoustic_codebook_size], zero);
  }

  encode(semanticLatent: Value, acousticLatent: Value): { semantic: Quantized; acoustic: Quantized } {
    const semantic = this.semantic.encode(semanticLatent);
    const rest = this.subtraction ? sub(acousticLatent, semantic.latent) : acousticLatent;
    return { semantic, acoustic: this.acoustic.encode(rest) };
  }

  /** As in training; `used` as for ResidualQuantizer.train, of the acoustic codebooks. */
  train(
    semanticLatent: Value,
    acousticLatent: Value,
    used?: Value,
  ): { semantic: TrainedQuantized; acoustic: TrainedQuantized } {
    const semantic = this.semantic.train(semanticLatent);
    const rest = this.subtraction ? sub(acousticLatent, semantic.latent) : acousticLatent;
    return { semantic, acoustic: this.acoustic.train(rest, used) };
  }

  /** z_sem of semantic codes (B, T, n). */
  decodeSemantic(codes: Value): Value {
    return this.semantic.decode(codes);
  }

  /** z_ac of acoustic codes (B, T, n), n up to all. */
  decodeAcoustic(codes: Value): Value {
    return this.acoustic.decode(codes);
  }
}

function semanticStages(scope: Scope, config: ModelConfig): CodebookStage[] {
  const { levels } = config.semantic_quantizer_kwargs;
  if (levels) return [new FiniteScalarQuantizer(scope, config.latent_dim, levels)];
  return Array.from({ length: config.n_semantic_codebooks }, (_, i) => {
    const at = scope.at("quantizers", i);
    return new VectorQuantize(at, config.latent_dim, config.semantic_codebook_size, config.semantic_codebook_dim);
  });
}

/** The dual quantizer, which splits what is said from how it sounds. */
import type { Value } from "../graph/graph.js";
import { sub } from "../graph/ops/index.js";
import type { Scope } from "../nn/index.js";
import type { ModelConfig } from "./config.js";
import { FiniteScalarQuantizer } from "./fsq.js";
import type { CodebookStage, Quantized, TrainedQuantized } from "./quantized.js";
import { ResidualQuantizer } from "./residual-quantizer.js";
import { VectorQuantize } from "./vector-quantize.js";

/** One semantic quantizer, and acoustic ones for what it leaves (or, without subtraction, for the whole). */
export class DualQuantizer {
  readonly semantic: ResidualQuantizer;
  readonly acoustic: ResidualQuantizer;
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
    scope.buffer("semantic_vocab_usage", [config.n_semantic_codebooks, config.semantic_codebook_size]);
    scope.buffer("acoustic_vocab_usage", [acousticCount, config.acoustic_codebook_size]);
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

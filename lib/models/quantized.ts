/** What quantizers have in common. */
import type { Value } from "../graph/graph.js";
import type { Parameter } from "../nn/index.js";

/** What a quantizer makes of a latent: codes (B, T, K) of type i32, and the latent that they stand for (B, T, D). */
export interface Quantized {
  readonly codes: Value;
  readonly latent: Value;
}

/** What training makes of a latent: the gradient passes straight through, and two losses (scalars) shape the codebook. */
export interface TrainedQuantized extends Quantized {
  /** What the codes were found for (B, T, K * d), the codebooks' projections side by side. */
  readonly projected: Value;
  /** Pulls the encoder to the codebook: mean (z_e - sg(z_q))^2. */
  readonly commitment: Value;
  /** Pulls the codebook to the encoder: mean (z_q - sg(z_e))^2. */
  readonly codebook: Value;
}

/** A stage of a quantizer: one code per frame. */
export interface CodebookStage {
  /** (codes, d); a fixed grid has none. */
  readonly codebook?: Parameter;
  /** (B, T, D) -> codes (B, T). */
  encode(latent: Value): Value;
  /** Codes (B, T) -> (B, T, D). */
  decode(codes: Value): Value;
  /** As `encode` and `decode` together, with codes (B, T) and losses per item (B). */
  train(latent: Value): TrainedQuantized;
}

/** Configurations that have names. */
import { type ModelConfig, parseConfig } from "./config.js";

/** The public configuration, field by field as its config.json has it. */
const PUBLIC_FIELDS = {
  sample_rate: 24000,
  encoder_rates: [4, 5, 6, 8, 2],
  decoder_rates: [2, 8, 6, 5, 4],
  encoder_dim: 32,
  latent_dim: 1024,
  decoder_dim: 1536,
  n_codebooks: 8,
  n_semantic_codebooks: 1,
  quantizer_dropout: 0.5,
  semantic_codebook_size: 16384,
  acoustic_codebook_size: 4096,
  semantic_codebook_dim: 8,
  acoustic_codebook_dim: 8,
  semantic_quantizer: "rvq",
  use_shared_encoder: false,
  semantic_subtraction: true,
  is_causal: false,
  dilation: [1, 3, 9],
  residual_kernel_size: 7,
  aux_decoder: { input_channel: 1024, channels: 128, rates: [8, 8, 5, 4], sample_rate: 16000 },
};

/** The configuration of the published weights, model id `12d5hz_v1`. */
export const PUBLIC_CONFIG: ModelConfig = parseConfig(PUBLIC_FIELDS);

/** The same architecture, so narrow that it runs in milliseconds: for tests and trials. */
export const TINY_CONFIG: ModelConfig = parseConfig({
  ...PUBLIC_FIELDS,
  encoder_dim: 4,
  latent_dim: 32,
  decoder_dim: 64,
  semantic_codebook_size: 512,
  acoustic_codebook_size: 256,
  aux_decoder: { ...PUBLIC_FIELDS.aux_decoder, input_channel: 32, channels: 32 },
});

/** By the names that `random:SEED:PRESET` and the hub know. */
export const CONFIGS: Readonly<Record<string, ModelConfig>> = { "12.5hz-24k": PUBLIC_CONFIG, tiny: TINY_CONFIG };

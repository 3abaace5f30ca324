/** Sizes of a Whisper model, with the field names of its published config.json. */
import { Fields, refuseField } from "../fields.js";

export interface WhisperConfig {
  readonly num_mel_bins: number;
  readonly d_model: number;
  readonly max_source_positions: number;
  readonly encoder_layers: number;
  readonly encoder_attention_heads: number;
  readonly encoder_ffn_dim: number;
  readonly max_target_positions: number;
  readonly decoder_layers: number;
  readonly decoder_attention_heads: number;
  readonly decoder_ffn_dim: number;
  readonly vocab_size: number;
}

/** Checks an object (of config.json, say); what is absent is as in the published models. Throws ERR_LMSPT_MODEL. */
export function parseWhisperConfig(source: unknown): WhisperConfig {
  const fields = new Fields(source, "config");
  const width = fields.size("d_model");
  const layers = fields.size("encoder_layers");
  const heads = fields.size("encoder_attention_heads", Math.max(1, Math.floor(width / 64)));
  const config: WhisperConfig = {
    num_mel_bins: fields.size("num_mel_bins", 80),
    d_model: width,
    max_source_positions: fields.size("max_source_positions", 1500),
    encoder_layers: layers,
    encoder_attention_heads: heads,
    encoder_ffn_dim: fields.size("encoder_ffn_dim", 4 * width),
    max_target_positions: fields.size("max_target_positions", 448),
    decoder_layers: fields.size("decoder_layers", layers),
    decoder_attention_heads: fields.size("decoder_attention_heads", heads),
    decoder_ffn_dim: fields.size("decoder_ffn_dim", 4 * width),
    vocab_size: fields.size("vocab_size", 51865),
  };
  for (const name of ["encoder_attention_heads", "decoder_attention_heads"] as const) {
    if (width % config[name] !== 0) refuseField(name, `a divisor of d_model, ${width}`, config[name]);
  }
  return config;
}

const size = (d_model: number, layers: number, decoderLayers = layers, num_mel_bins = 80, vocab_size = 51865) =>
  parseWhisperConfig({ d_model, encoder_layers: layers, decoder_layers: decoderLayers, num_mel_bins, vocab_size });

/** No published size: for trials, tests and small corpora. */
const mini = size(64, 2, 2, 80, 1000);

/** The published sizes; those that end in .en have one token fewer. */
export const WHISPER_SIZES: Readonly<Record<string, WhisperConfig>> = {
  mini,
  tiny: size(384, 4),
  "tiny.en": size(384, 4, 4, 80, 51864),
  base: size(512, 6),
  "base.en": size(512, 6, 6, 80, 51864),
  small: size(768, 12),
  "small.en": size(768, 12, 12, 80, 51864),
  medium: size(1024, 24),
  "medium.en": size(1024, 24, 24, 80, 51864),
  large: size(1280, 32),
  "large-v2": size(1280, 32),
  "large-v3": size(1280, 32, 32, 128, 51866),
  "large-v3-turbo": size(1280, 32, 4, 128, 51866),
};

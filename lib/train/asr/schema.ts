/** What the configuration of a recogniser's training may say; names, ranges and defaults. */
import { z } from "zod";
import { resolveFields } from "../config/resolve-fields.js";
import { adamwFields, amount, count, paths, runFields, section, share } from "../config/run-fields.js";
import { RECOGNISER_PRESETS } from "./presets.js";

/** Fields of a Whisper model's config.json; the vocabulary's size follows from the text. */
const model = z.strictObject({
  num_mel_bins: count.max(1024).default(80),
  d_model: count.max(8192).default(192),
  /** Features of the window that is heard at a time, 50 a second: n_audio_ctx in OpenAI's code. */
  max_source_positions: count.max(100_000).default(300),
  encoder_layers: count.max(256).default(4),
  encoder_attention_heads: count.default(6),
  encoder_ffn_dim: count.default(768),
  max_target_positions: count.max(100_000).default(160),
  decoder_layers: count.max(256).default(2),
  decoder_attention_heads: count.default(6),
  decoder_ffn_dim: count.default(768),
});

const text = z.strictObject({
  /** Lower case and no punctuation, as `normalizeText` has it. */
  normalize: z.boolean().default(true),
  /** Byte pairs of the vocabulary that is made of the transcripts. */
  merges: z.int().min(0).max(100_000).default(256),
});

const data = z.strictObject({
  /** Corpora whose recordings have a text, maybe a language; as `loadCorpus` takes them. */
  train: paths.default([]),
  valid: paths.default([]),
  /** Of the manifests, items in these languages alone; all where it is empty. */
  languages: z.array(z.string().regex(/^[a-z]{2,3}$/, "expected a code such as en")).default([]),
  batch: count.max(4096).default(16),
  workers: count.max(64).default(1),
  ahead: count.max(64).default(2),
});

const optimizer = z.strictObject(adamwFields({ rate: 1e-3, final_rate: 1e-5, warmup_steps: 500, betas: [0.9, 0.98] }));

/** What is hidden while it learns; see hiding.ts. */
const hide = z.strictObject({
  /** Stretches of time per recording, and the longest. */
  stretches: z.int().min(0).max(100).default(2),
  stretch_seconds: amount.default(0.25),
  /** Ranges of mel bands per recording, and the widest. */
  bands: z.int().min(0).max(100).default(2),
  band_width: z.int().min(0).default(15),
  /** Share of the text's tokens. */
  tokens: share.default(0.15),
});

/** Weights. */
const losses = z.strictObject({
  text: amount.default(1),
  /** Of the encoder alone, by connectionist temporal classification; 0 leaves it out. */
  alignment: amount.default(0.5),
});

export const recogniserSchema = z.strictObject({
  ...runFields({ exp_name: "asr", steps: 20_000 }),
  /** A folder of a Whisper model with its tokenizer to begin with; `model` and `text.merges` are then its own. */
  init: z.string().nullable().default(null),
  model: section(model),
  text: section(text),
  data: section(data),
  optimizer: section(optimizer),
  losses: section(losses),
  hide: section(hide),
  validation: section(z.strictObject({ every: count.default(500), items: count.default(32) })),
});

export type RecogniserConfig = z.output<typeof recogniserSchema>;

/** As `resolveFields`. @throws LmsptError ERR_LMSPT_CONFIG */
export async function resolveRecogniserConfig(
  source: string | object,
  overrides: readonly string[] = [],
): Promise<RecogniserConfig> {
  const form = { presets: RECOGNISER_PRESETS, schema: recogniserSchema };
  return (await resolveFields(source, overrides, form)).fields;
}

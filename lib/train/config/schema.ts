/** What a training configuration may say; names, ranges and defaults. Lengths are in seconds, rates per step. */
import { z } from "zod";
import { PUBLIC_DISCRIMINATORS } from "../../models/discriminators/index.js";
import { PUBLIC_MEL_FLOOR } from "../losses/index.js";
import { adamwFields, amount, count, paths, runFields, section, share, sizes } from "./run-fields.js";

const discriminators = z.strictObject({
  /** Steps that the tokenizer makes by the other losses before the discriminators take part. */
  start: z.int().min(0).default(0),
  periods: sizes.default([...PUBLIC_DISCRIMINATORS.periods]),
  rates: sizes.default([...PUBLIC_DISCRIMINATORS.rates]),
  fft_sizes: z
    .array(count.multipleOf(4))
    .max(32)
    .default([...PUBLIC_DISCRIMINATORS.fft_sizes]),
  bands: z
    .array(share)
    .min(2)
    .default([...PUBLIC_DISCRIMINATORS.bands]),
  period_channels: sizes.min(1).default([...PUBLIC_DISCRIMINATORS.period_channels]),
  resolution_channels: count.default(PUBLIC_DISCRIMINATORS.resolution_channels),
});

const teacher = z.strictObject({
  /** A folder or safetensors file of Whisper weights, random:SEED:SIZE, or null for no distillation. */
  model: z.string().nullable().default(null),
  window: z.enum(["full", "segment"]).default("full"),
  distance: z.enum(["mse", "l1"]).default("mse"),
});

const codebooks = z.strictObject({
  /** Steps after which codes that did not come up begin anew at latents of the batch; 0 for never, as in the public code. */
  restart_every: z.int().min(0).default(0),
});

const data = z.strictObject({
  /** Folders, audio files, manifests, tar shards or indices, as `loadCorpus` takes them. */
  train: paths.default([]),
  valid: paths.default([]),
  /** Length of a crop; it is cut to whole frames. */
  seconds: z.number().positive().max(600).default(6),
  batch: count.max(4096).default(8),
  /** Batches whose gradients are added up for one update. */
  accumulate: count.max(4096).default(1),
  /** Threads that decode. */
  workers: count.max(64).default(2),
  /** Batches made ahead of the step. */
  ahead: count.max(64).default(2),
});

const optimizer = z.strictObject({
  ...adamwFields({ rate: 2e-4, final_rate: 5e-5, warmup_steps: 100, betas: [0.8, 0.9] }),
  /** Constant, as in the public code. */
  discriminator_rate: amount.default(1e-3),
});

const losses = z.strictObject({
  adversarial: amount.default(1),
  feature: amount.default(2),
  mel: amount.default(15),
  /** No weight: mel magnitudes below it count as it. */
  mel_floor: z.number().positive().max(1).default(PUBLIC_MEL_FLOOR),
  distillation: amount.default(500),
  acoustic_commitment: amount.default(0.25),
  acoustic_codebook: amount.default(1),
  semantic_commitment: amount.default(0.25),
  semantic_codebook: amount.default(1),
});

export const trainSchema = z.strictObject({
  ...runFields({ exp_name: "lmspt", steps: 100_000 }),
  /** Of the convolutions and linear layers that have bf16 kernels; weights and their updates are float32. */
  precision: z.enum(["fp32", "bf16"]).default("fp32"),
  /** Activations inside encoders and decoders are computed again for the gradients: less memory, more work, the same bits. */
  recompute: z.boolean().default(false),
  /** A model whose weights to begin with: a preset, a folder, hf://owner/repository. */
  init: z.string().nullable().default(null),
  /** The tokenizer: a preset's name, or the fields of a config.json. */
  model: z.union([z.string(), z.record(z.string(), z.unknown())]).default("12.5hz-24k"),
  codebooks: section(codebooks),
  discriminators: section(discriminators),
  teacher: section(teacher),
  data: section(data),
  optimizer: section(optimizer),
  losses: section(losses),
  validation: section(
    z.strictObject({ every: count.default(1000), items: count.default(16), samples: z.int().min(0).default(2) }),
  ),
});

export type TrainConfig = z.output<typeof trainSchema>;

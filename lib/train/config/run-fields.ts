/** What every training configuration may say, and kinds of fields. */
import { z } from "zod";
import type { AdamwOptions } from "../../graph/ops/index.js";

export const count = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);
export const amount = z.number().min(0);
export const share = z.number().min(0).max(1);
export const sizes = z.array(count).max(32);
export const paths = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (typeof value === "string" ? [value] : value));

/** A section whose fields have defaults has itself one. */
export const section = <T extends z.ZodType>(schema: T) => schema.prefault({} as z.input<T>);

/** Where and how a run goes on, and what it leaves. */
export const runFields = (defaults: { exp_name: string; steps: number }) => ({
  exp_name: z.string().min(1).default(defaults.exp_name),
  log_dir: z.string().min(1).default("runs"),
  /** The run's folder; log_dir/exp_name where it is not given. */
  out: z.string().min(1).optional(),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(0),
  device: z
    .string()
    .regex(/^(auto|cpu|cuda(:\d+)?)$/, "expected auto, cpu, cuda or cuda:N")
    .default("auto"),
  threads: count.max(1024).optional(),
  steps: count.default(defaults.steps),
  log: section(z.strictObject({ every: count.default(10) })),
  checkpoint: section(z.strictObject({ every: count.default(1000), keep: count.default(3) })),
});

/** AdamW, and the rate of a step: a straight rise, then half a cosine. */
export const adamwFields = (defaults: {
  rate: number;
  final_rate: number;
  warmup_steps: number;
  betas: [number, number];
}) => ({
  rate: amount.default(defaults.rate),
  final_rate: amount.default(defaults.final_rate),
  warmup_steps: z.int().min(0).default(defaults.warmup_steps),
  betas: z.tuple([share.lt(1), share.lt(1)]).default(defaults.betas),
  epsilon: z.number().positive().default(1e-8),
  weight_decay: amount.default(0.01),
  /** Limit of the gradients' norm; 0 for none. */
  max_norm: amount.default(1),
});

export type AdamwFields = z.output<z.ZodObject<ReturnType<typeof adamwFields>>>;

/** The same in the words of the operation. */
export function adamwOptions({ betas, epsilon, weight_decay, max_norm }: AdamwFields): AdamwOptions {
  return { beta1: betas[0], beta2: betas[1], epsilon, weightDecay: weight_decay, maxNorm: max_norm };
}

/** What every training configuration may say, and kinds of fields. */
import { z } from "zod";

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

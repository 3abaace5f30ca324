/** The names under which TensorBoard shows a run. */

import type { Usage } from "../../eval/code-usage.js";
import type { StepResult } from "../step/index.js";
import type { Restarts } from "./code-restarts.js";

const LOSS_TAGS: Readonly<Record<keyof StepResult["losses"], string>> = {
  total: "total_loss",
  mel: "spec_loss",
  adversarial: "adv_g_loss",
  feature: "feat_loss",
  discriminator: "disc_loss",
  acousticCommitment: "acoustic/commitment_loss",
  acousticCodebook: "acoustic/codebook_loss",
  semanticCommitment: "semantic/commitment_loss",
  semanticCodebook: "semantic/codebook_loss",
  distillation: "semantic/distill_loss",
};

/** Losses by tag, `group` being Train or Valid. */
export function lossTags(group: string, losses: StepResult["losses"]): Record<string, number> {
  const entries = Object.entries(losses) as [keyof StepResult["losses"], number][];
  return Object.fromEntries(entries.map(([name, value]) => [`${group}/${LOSS_TAGS[name]}`, value]));
}

export function usageTags(group: string, usage: { semantic: Usage; acoustic: Usage }): Record<string, number> {
  return Object.fromEntries(
    (["semantic", "acoustic"] as const).flatMap((kind) => [
      [`${group}/${kind}/vocab_usage`, usage[kind].used],
      [`${group}/${kind}/perplexity`, usage[kind].perplexity],
    ]),
  );
}

/** Codes that began anew since the last time. */
export function restartTags(group: string, restarts: Restarts): Record<string, number> {
  return Object.fromEntries(
    (["semantic", "acoustic"] as const).map((kind) => [`${group}/${kind}/restarted`, restarts[kind].report()]),
  );
}

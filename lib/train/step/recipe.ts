/** What is trained against what, and how much each loss counts. */
import { LmsptError } from "../../errors.js";
import type { Discriminators } from "../../models/discriminators/index.js";
import type { LmSpt } from "../../models/lmspt.js";
import type { WhisperEncoder, WhisperWindow } from "../../models/whisper/index.js";
import { type DistanceKind, type MelScales, PUBLIC_MEL_FLOOR, PUBLIC_MEL_SCALES } from "../losses/index.js";

export interface LossWeights {
  readonly adversarial: number;
  readonly feature: number;
  readonly mel: number;
  readonly distillation: number;
  readonly acousticCommitment: number;
  readonly acousticCodebook: number;
  readonly semanticCommitment: number;
  readonly semanticCodebook: number;
}

export const PUBLIC_WEIGHTS: LossWeights = {
  adversarial: 1,
  feature: 2,
  mel: 15,
  distillation: 500,
  acousticCommitment: 0.25,
  acousticCodebook: 1,
  semanticCommitment: 0.25,
  semanticCodebook: 1,
};

export interface Teacher {
  readonly encoder: WhisperEncoder;
  readonly window: WhisperWindow;
  readonly distance: DistanceKind;
}

export interface Recipe {
  readonly model: LmSpt;
  readonly discriminators: Discriminators;
  /** Without one there is no distillation. */
  readonly teacher: Teacher | undefined;
  readonly weights: LossWeights;
  readonly melScales: MelScales;
  /** Mel magnitudes below it count as it: what is quieter is silence to the mel loss. */
  readonly melFloor: number;
}

/** Hz that every Whisper model hears. */
export const TEACHER_RATE = 16000;

/** The published recipe, but for what is given. Throws ERR_LMSPT_MODEL where teacher and model do not fit each other. */
export function makeRecipe(given: Pick<Recipe, "model" | "discriminators"> & Partial<Recipe>): Recipe {
  const recipe = {
    teacher: undefined,
    weights: PUBLIC_WEIGHTS,
    melScales: PUBLIC_MEL_SCALES,
    melFloor: PUBLIC_MEL_FLOOR,
    ...given,
  };
  const { sample_rate: rate } = recipe.model.config.aux_decoder;
  if (recipe.teacher && rate !== TEACHER_RATE) {
    throw new LmsptError(
      "ERR_LMSPT_MODEL",
      `Expected an auxiliary decoder of ${TEACHER_RATE} Hz, which the teacher hears, got ${rate} Hz`,
    );
  }
  return recipe;
}

/** A run from where it stands to its last step: checkpoints and validations at their times, whatever is trained. */
import { LmsptError } from "../../errors.js";
import { pruneCheckpoints } from "./checkpoint.js";
import type { CheckpointEvent } from "./events.js";
import type { RunFolder } from "./run-folder.js";
import type { Progress } from "./state.js";

/** Steps in a row that may be skipped before a run gives up. */
const MOST_SKIPPED = 3;

/** What is trained, as its run sees it. */
export interface Training<Event> {
  /** Every step takes it one further. */
  readonly state: Progress;
  step(): AsyncGenerator<Event, void>;
  /** Tells how good it is, and returns whether it never was better; undefined where there is nothing to validate with. */
  readonly validate: (() => AsyncGenerator<Event, boolean>) | undefined;
  /** Writes a checkpoint below `folder`; gives its path. */
  save(folder: string): Promise<string>;
}

export interface LoopConfig {
  readonly steps: number;
  readonly checkpoint: { readonly every: number; readonly keep: number };
  readonly validation: { readonly every: number };
}

/** The signal ends it after the step under way, with a checkpoint. @throws LmsptError ERR_LMSPT_DIVERGED */
export async function* runLoop<Event>(
  training: Training<Event>,
  folder: RunFolder,
  { steps, checkpoint, validation }: LoopConfig,
  signal: AbortSignal | undefined,
): AsyncGenerator<Event | CheckpointEvent, void> {
  let saved = training.state.step;
  const newest = saved >= steps ? await folder.newest() : undefined;
  if (newest !== undefined) yield { kind: "checkpoint", step: saved, path: newest };
  const save = async (): Promise<CheckpointEvent> => {
    const path = await training.save(folder.checkpoints);
    await pruneCheckpoints(folder.checkpoints, checkpoint.keep, training.state.best?.name);
    saved = training.state.step;
    return { kind: "checkpoint", step: saved, path };
  };
  while (training.state.step < steps && !signal?.aborted) {
    yield* training.step();
    const { step } = training.state;
    const isDue = training.validate && step % validation.every === 0;
    const isBest = isDue ? yield* training.validate() : false;
    if (isBest || step % checkpoint.every === 0) yield await save();
    if (training.state.skippedInARow >= MOST_SKIPPED) {
      if (saved !== step) yield await save();
      throw new LmsptError(
        "ERR_LMSPT_DIVERGED",
        `The gradients of ${MOST_SKIPPED} steps in a row were not finite; begin a run with a lower optimizer.rate, from an earlier checkpoint in ${folder.checkpoints} as its init`,
      );
    }
  }
  if (saved !== training.state.step) yield await save();
}

import type { RecogniserEvent, RecogniserValidationEvent } from "../train/asr/events.js";
import { RecogniserTrainer } from "../train/trainer.js";
import type { ExitStatus } from "./failure.js";
import { describeFault, describeLosses, followTraining, type TrainOptions } from "./follow-training.js";
import type { StepClock } from "./step-clock.js";
import type { Session } from "./terminal.js";
import { formatPercent } from "./units.js";

/** Transcripts that a validation shows. */
const SHOWN = 3;

/** `lmspt train asr CONFIG [key=value...]`: a recogniser from speech with transcripts. */
export function trainRecogniser(
  config: string,
  overrides: string[],
  options: TrainOptions,
  session: Session,
): Promise<ExitStatus> {
  const trainer = new RecogniserTrainer(config, { overrides, signal: session.signal });
  return followTraining<RecogniserEvent>(trainer, describe, options, session);
}

function describe(event: RecogniserEvent, clock: StepClock): string | undefined {
  if (event.kind === "step") {
    if (!clock.isDue(event)) return undefined;
    const { step, steps, losses } = event;
    return [`step ${step}/${steps}`, ...describeLosses(losses), ...clock.describe(event)].join("  ");
  }
  if (event.kind === "validation") return describeValidation(event);
  if (event.kind !== "skipped") return undefined;
  const { step, fault } = event;
  return `step ${step}: nothing was updated, because the gradient is not finite${describeFault(fault)}`;
}

function describeValidation(event: RecogniserValidationEvent): string {
  const { step, losses, wordErrorRate, characterErrorRate, texts, isBest } = event;
  const parts = [
    `validation at step ${step}`,
    ...describeLosses(losses),
    `word error rate ${formatPercent(wordErrorRate)}, of characters ${formatPercent(characterErrorRate)}`,
  ];
  const shown = texts
    .slice(0, SHOWN)
    .map(({ reference, hypothesis }) => `\n    said   ${reference}\n    heard  ${hypothesis}`);
  return parts.join("  ") + (isBest ? "  (the best so far)" : "") + shown.join("");
}

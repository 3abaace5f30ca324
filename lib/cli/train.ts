import type { StepEvent, TrainEvent, ValidationEvent } from "../train/run/events.js";
import { Trainer } from "../train/trainer.js";
import type { ExitStatus } from "./failure.js";
import { describeFault, describeLosses, followTraining, type TrainOptions } from "./follow-training.js";
import type { StepClock } from "./step-clock.js";
import type { Session } from "./terminal.js";
import { formatPercent } from "./units.js";

/** `lmspt train CONFIG [key=value...]`: a tokenizer from speech. */
export function train(
  config: string,
  overrides: string[],
  options: TrainOptions,
  session: Session,
): Promise<ExitStatus> {
  const { signal } = session;
  return followTraining<TrainEvent>(new Trainer(config, { overrides, signal }), describe, options, session);
}

const SHOWN_LOSSES = ["total", "mel", "feature", "adversarial", "discriminator", "distillation"] as const;

function describe(event: TrainEvent, clock: StepClock): string | undefined {
  if (event.kind === "step") return clock.isDue(event) ? describeStep(event, clock) : undefined;
  if (event.kind === "validation") return describeValidation(event);
  if (event.kind !== "skipped") return undefined;
  const { step, side, fault } = event;
  return `step ${step}: the ${side} was not updated, because its gradient is not finite${describeFault(fault)}`;
}

function describeStep(event: StepEvent, clock: StepClock): string {
  const { losses, step, steps } = event;
  const shown = SHOWN_LOSSES.filter((name) => losses[name] !== undefined).map((name) => [name, losses[name]] as const);
  return [`step ${step}/${steps}`, ...describeLosses(Object.fromEntries(shown)), ...clock.describe(event)].join("  ");
}

function describeValidation({ step, losses, usage, isBest }: ValidationEvent): string {
  const parts = [
    `validation at step ${step}`,
    ...describeLosses(losses),
    ...(["semantic", "acoustic"] as const).map(
      (kind) =>
        `${kind} codes used ${formatPercent(usage[kind].used)}, perplexity ${usage[kind].perplexity.toFixed(1)}`,
    ),
  ];
  return parts.join("  ") + (isBest ? "  (the best so far)" : "");
}

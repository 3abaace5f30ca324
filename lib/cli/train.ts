import type { SkippedEvent, StepEvent, TrainEvent, ValidationEvent } from "../train/run/events.js";
import { Trainer } from "../train/trainer.js";
import { EXIT, type ExitStatus } from "./failure.js";
import { StepClock } from "./step-clock.js";
import { printNotice, printResult, type Session } from "./terminal.js";
import { formatDuration, formatPercent } from "./units.js";

export interface TrainOptions {
  readonly quiet?: boolean;
}

/** `lmspt train CONFIG [key=value...]`: a tokenizer from speech. */
export async function train(
  config: string,
  overrides: string[],
  { quiet = false }: TrainOptions,
  { terminal, signal }: Session,
): Promise<ExitStatus> {
  const clock = new StepClock();
  let saved: string | undefined;
  for await (const event of new Trainer(config, { overrides, signal })) {
    if (event.kind === "checkpoint") saved = event.path;
    const line = quiet ? warning(event) : describe(event, clock);
    if (line !== undefined) printNotice(terminal, line);
  }
  if (saved !== undefined) printResult(terminal, saved);
  signal.throwIfAborted();
  return EXIT.done;
}

/** What is told even to those who want to hear nothing. */
function warning(event: TrainEvent): string | undefined {
  if (event.kind === "skipped") return describeSkipped(event);
  return event.kind === "broken-file" ? `${event.path} is left out: ${event.problem}` : undefined;
}

function describe(event: TrainEvent, clock: StepClock): string | undefined {
  if (event.kind === "step") return clock.isDue(event) ? describeStep(event, clock) : undefined;
  if (event.kind === "validation") return describeValidation(event);
  if (event.kind === "checkpoint") return `checkpoint ${event.path}`;
  return warning(event);
}

function describeStep(event: StepEvent, clock: StepClock): string {
  const { losses, step, steps } = event;
  const parts = [
    `step ${step}/${steps}`,
    ...(["total", "mel", "feature", "adversarial", "discriminator", "distillation"] as const)
      .filter((name) => losses[name] !== undefined)
      .map((name) => `${name} ${losses[name]!.toPrecision(4)}`),
    `${(1 / event.seconds).toPrecision(3)} steps/s`,
    `${event.speed.toPrecision(3)} h of audio per hour`,
    `${formatDuration(clock.left(event))} left`,
  ];
  if (event.waits > 1) parts.push(`waited ${event.waits} times for data, ${event.dataWait.toFixed(3)} s now`);
  return parts.join("  ");
}

function describeValidation({ step, losses, usage, isBest }: ValidationEvent): string {
  const parts = [
    `validation at step ${step}`,
    ...Object.entries(losses).map(([name, loss]) => `${name} ${loss.toPrecision(4)}`),
    ...(["semantic", "acoustic"] as const).map(
      (kind) =>
        `${kind} codes used ${formatPercent(usage[kind].used)}, perplexity ${usage[kind].perplexity.toFixed(1)}`,
    ),
  ];
  return parts.join("  ") + (isBest ? "  (the best so far)" : "");
}

function describeSkipped({ step, side, fault }: SkippedEvent): string {
  const cause = fault ? `, first made by ${fault.op} ${fault.shape}, operation ${fault.index} of its plan` : "";
  return `step ${step}: the ${side} was not updated, because its gradient is not finite${cause}`;
}

import type { RecogniserEvent, RecogniserStepEvent, RecogniserValidationEvent } from "../train/asr/events.js";
import { RecogniserTrainer } from "../train/trainer.js";
import { EXIT, type ExitStatus } from "./failure.js";
import { StepClock } from "./step-clock.js";
import { printNotice, printResult, type Session } from "./terminal.js";
import type { TrainOptions } from "./train.js";
import { formatDuration, formatPercent } from "./units.js";

/** Transcripts that a validation shows. */
const SHOWN = 3;

/** `lmspt train asr CONFIG [key=value...]`: a recogniser from speech with transcripts. */
export async function trainRecogniser(
  config: string,
  overrides: string[],
  { quiet = false }: TrainOptions,
  { terminal, signal }: Session,
): Promise<ExitStatus> {
  const clock = new StepClock();
  let saved: string | undefined;
  for await (const event of new RecogniserTrainer(config, { overrides, signal })) {
    if (event.kind === "checkpoint") saved = event.path;
    const line = quiet ? warning(event) : describe(event, clock);
    if (line !== undefined) printNotice(terminal, line);
  }
  if (saved !== undefined) printResult(terminal, saved);
  signal.throwIfAborted();
  return EXIT.done;
}

function warning(event: RecogniserEvent): string | undefined {
  if (event.kind === "broken-file") return `${event.path} is left out: ${event.problem}`;
  if (event.kind !== "skipped") return undefined;
  const { step, fault } = event;
  const cause = fault ? `, first made by ${fault.op} ${fault.shape}, operation ${fault.index} of its plan` : "";
  return `step ${step}: nothing was updated, because the gradient is not finite${cause}`;
}

function describe(event: RecogniserEvent, clock: StepClock): string | undefined {
  if (event.kind === "step") return clock.isDue(event) ? describeStep(event, clock) : undefined;
  if (event.kind === "validation") return describeValidation(event);
  if (event.kind === "checkpoint") return `checkpoint ${event.path}`;
  return warning(event);
}

function describeStep(event: RecogniserStepEvent, clock: StepClock): string {
  const parts = [
    `step ${event.step}/${event.steps}`,
    ...Object.entries(event.losses).map(([name, loss]) => `${name} ${loss.toPrecision(4)}`),
    `${(1 / event.seconds).toPrecision(3)} steps/s`,
    `${event.speed.toPrecision(3)} h of audio per hour`,
    `${formatDuration(clock.left(event))} left`,
  ];
  if (event.waits > 1) parts.push(`waited ${event.waits} times for data, ${event.dataWait.toFixed(3)} s now`);
  return parts.join("  ");
}

function describeValidation(event: RecogniserValidationEvent): string {
  const { step, losses, wordErrorRate, characterErrorRate, texts, isBest } = event;
  const parts = [
    `validation at step ${step}`,
    ...Object.entries(losses).map(([name, loss]) => `${name} ${loss.toPrecision(4)}`),
    `word error rate ${formatPercent(wordErrorRate)}, of characters ${formatPercent(characterErrorRate)}`,
  ];
  const shown = texts
    .slice(0, SHOWN)
    .map(({ reference, hypothesis }) => `\n    said   ${reference}\n    heard  ${hypothesis}`);
  return parts.join("  ") + (isBest ? "  (the best so far)" : "") + shown.join("");
}

import type { BrokenFileEvent, CheckpointEvent } from "../train/run/events.js";
import type { Fault } from "../train/step/index.js";
import { EXIT, type ExitStatus } from "./failure.js";
import { StepClock } from "./step-clock.js";
import { printNotice, printResult, type Session } from "./terminal.js";

export interface TrainOptions {
  readonly quiet?: boolean;
}

/** Tells of a run while it goes on, and prints the last checkpoint's path. `describe` gives an event's line, or none. */
export async function followTraining<Event extends { readonly kind: string }>(
  events: AsyncIterable<Event>,
  describe: (event: Exclude<Event, CheckpointEvent | BrokenFileEvent>, clock: StepClock) => string | undefined,
  { quiet = false }: TrainOptions,
  { terminal, signal }: Session,
): Promise<ExitStatus> {
  const clock = new StepClock();
  let saved: string | undefined;
  let leftOut = 0;
  for await (const event of events as AsyncIterable<Event | CheckpointEvent | BrokenFileEvent>) {
    if (isOf<CheckpointEvent>(event, "checkpoint")) {
      saved = event.path;
      if (!quiet) printNotice(terminal, `checkpoint ${saved}`);
    } else if (isOf<BrokenFileEvent>(event, "broken-file")) {
      leftOut++;
      printNotice(terminal, `${event.path} is left out: ${event.problem}`);
    } else if (!quiet || event.kind === "skipped") {
      const line = describe(event as Exclude<Event, CheckpointEvent | BrokenFileEvent>, clock);
      if (line !== undefined) printNotice(terminal, line);
    }
  }
  if (leftOut > 0) printNotice(terminal, `${leftOut} ${leftOut === 1 ? "recording was" : "recordings were"} left out`);
  if (saved !== undefined) printResult(terminal, saved);
  signal.throwIfAborted();
  return EXIT.done;
}

/** Why a gradient is not finite, to be put behind the words that say so. */
export function describeFault(fault: Fault | undefined): string {
  return fault ? `, first made by ${fault.op} ${fault.shape}, operation ${fault.index} of its plan` : "";
}

export function describeLosses(losses: object): string[] {
  return Object.entries(losses).map(([name, loss]: [string, number]) => `${name} ${loss.toPrecision(4)}`);
}

function isOf<Wanted extends { readonly kind: string }>(
  event: { readonly kind: string },
  kind: Wanted["kind"],
): event is Wanted {
  return event.kind === kind;
}

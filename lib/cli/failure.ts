import { LmsptError } from "../errors.js";

/** What the program ends with; `--help` lists it. */
export const EXIT = { done: 0, inputFailed: 1, usage: 2, unusable: 3, interrupted: 130, terminated: 143 } as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

/** An error that ends the command with a status of its own. The message is all that the user needs. */
export class CommandFailure extends Error {
  readonly status: ExitStatus;

  constructor(status: ExitStatus, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "CommandFailure";
    this.status = status;
  }
}

/** The command line asks for something impossible. */
export function usageFailure(message: string, options?: { cause?: unknown }): CommandFailure {
  return new CommandFailure(EXIT.usage, message, options);
}

/** One paragraph about an error: its message, or its stack where LMSPT_DEBUG=1 asks for it. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (process.env.LMSPT_DEBUG === "1") return describeStack(error);
  return error instanceof LmsptError || error instanceof CommandFailure
    ? error.message
    : `${error.message} (unexpected: LMSPT_DEBUG=1 shows where)`;
}

function describeStack(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\nCaused by: ${describeStack(error.cause)}` : stack;
}

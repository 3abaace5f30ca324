import { CommanderError } from "commander";
import { CommandFailure, describeError, EXIT, type ExitStatus } from "./failure.js";
import { Interruption } from "./interruption.js";
import { runProgram } from "./program.js";
import { printNotice, type Terminal } from "./terminal.js";

/**
 * Runs the command line program and resolves to its exit status; never rejects.
 *
 * @param argv the arguments after the program's name
 * @param terminal where to write, by default this process's own streams
 */
export async function main(argv: readonly string[], terminal: Terminal = process): Promise<number> {
  for (const stream of [terminal.stdout, terminal.stderr]) {
    if (!stream.listeners("error").includes(ignoreClosedPipe)) stream.on("error", ignoreClosedPipe);
  }
  using interruption = new Interruption();
  try {
    return await runProgram(argv, { terminal, signal: interruption.signal });
  } catch (error) {
    if (interruption.status !== undefined) {
      printNotice(terminal, "Interrupted; no half-written file is left");
      return interruption.status;
    }
    return report(error, terminal);
  }
}

/** A reader such as `head` that has seen enough and leaves is no failure. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

function report(error: unknown, terminal: Terminal): ExitStatus {
  // Commander has written its message already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  printNotice(terminal, `lmspt: ${describeError(error)}`);
  return error instanceof CommandFailure ? error.status : EXIT.inputFailed;
}

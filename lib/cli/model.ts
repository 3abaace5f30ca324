import { LmsptError } from "../errors.js";
import type { DeviceName } from "../graph/device.js";
import type { Tokenizer } from "../models/tokenizer.js";
import { startDownloadProgress } from "./download-progress.js";
import { CommandFailure, EXIT, usageFailure } from "./failure.js";
import { printNotice, type Session } from "./terminal.js";

/** The options that choose and place a model. */
export interface ModelOptions {
  readonly model: string;
  readonly device?: DeviceName;
  readonly precision?: "fp32";
  readonly threads?: number;
  readonly quiet?: boolean;
}

/**
 * Loads a model, says what has to be known about it, and closes it when `use` is done with it.
 * @throws CommandFailure with the status `unusable`, or `usage` for an impossible name or option
 */
export async function withTokenizer<T>(
  options: ModelOptions,
  session: Session,
  use: (tokenizer: Tokenizer) => Promise<T>,
): Promise<T> {
  const tokenizer = await load(options, session);
  try {
    announce(tokenizer, session, options.quiet ?? false);
    return await use(tokenizer);
  } finally {
    await tokenizer.close();
  }
}

async function load(options: ModelOptions, { terminal, signal }: Session): Promise<Tokenizer> {
  const { model, device, precision, threads, quiet = false } = options;
  const download = startDownloadProgress(terminal, quiet);
  try {
    // Imported when it is needed: help and doctor need no engine.
    const { Tokenizer } = await import("../models/tokenizer.js");
    return await Tokenizer.load(model, { device, precision, threads, signal, onProgress: download.listener });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof LmsptError)) throw error;
    if (error.code === "ERR_LMSPT_INVALID_ARGUMENT") throw usageFailure(error.message, { cause: error });
    throw new CommandFailure(EXIT.unusable, error.message, { cause: error });
  } finally {
    download.stop();
  }
}

function announce({ info }: Tokenizer, { terminal }: Session, quiet: boolean): void {
  if (info.untrained) {
    const consequence = "its tokens carry no meaning and its speech is noise. It serves to try lmspt out, no more.";
    printNotice(terminal, `*** UNTRAINED MODEL *** ${info.name} has random weights: ${consequence}`);
  }
  if (info.licence) printNotice(terminal, `Licence: ${info.licence.notice}`);
  if (quiet) return;
  const fallback = info.fallbackReason === undefined ? "" : '; no CUDA device, "lmspt doctor" tells why';
  printNotice(terminal, `Model ${info.name} on ${info.device}${fallback}`);
}

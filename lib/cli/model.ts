import { LmsptError } from "../errors.js";
import type { DeviceName } from "../graph/device.js";
import type { Precision } from "../graph/precision.js";
import type { ModelLicence, ProgressListener } from "../hub/index.js";
import type { Tokenizer } from "../models/tokenizer.js";
import { startDownloadProgress } from "./download-progress.js";
import { CommandFailure, EXIT, usageFailure } from "./failure.js";
import { printNotice, type Session } from "./terminal.js";

/** The options that choose and place a model. */
export interface ModelOptions {
  readonly model: string;
  readonly device?: DeviceName;
  readonly precision?: Precision;
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

async function load(options: ModelOptions, session: Session): Promise<Tokenizer> {
  const { model, device, precision, threads, quiet = false } = options;
  return whileLoading(session, quiet, async (onProgress) => {
    // Imported when it is needed: help and doctor need no engine.
    const { Tokenizer } = await import("../models/tokenizer.js");
    return Tokenizer.load(model, { device, precision, threads, signal: session.signal, onProgress });
  });
}

/** Loads a model by `load`: shows a download, and gives a failure the exit status that it stands for. */
export async function whileLoading<T>(
  { terminal, signal }: Session,
  quiet: boolean,
  load: (onProgress: ProgressListener) => Promise<T>,
): Promise<T> {
  const download = startDownloadProgress(terminal, quiet);
  try {
    return await load(download.listener);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof LmsptError)) throw error;
    if (error.code === "ERR_LMSPT_INVALID_ARGUMENT") throw usageFailure(error.message, { cause: error });
    throw new CommandFailure(EXIT.unusable, error.message, { cause: error });
  } finally {
    download.stop();
  }
}

function announce({ info }: Tokenizer, session: Session, quiet: boolean): void {
  announceWeights(info.name, info, session);
  if (quiet) return;
  const fallback = info.fallbackReason === undefined ? "" : '; no CUDA device, "lmspt doctor" tells why';
  const arithmetic = info.precision === "fp32" ? "" : `, ${info.precision}: ${info.arithmetic}`;
  printNotice(session.terminal, `Model ${info.name} on ${info.device}${arithmetic}${fallback}`);
}

/** Says, however quiet, that weights are random or whose they are. */
export function announceWeights(
  name: string,
  { untrained, licence }: { readonly untrained: boolean; readonly licence: ModelLicence | undefined },
  { terminal }: Session,
): void {
  if (untrained) {
    const consequence = "its tokens carry no meaning and its speech is noise. It serves to try lmspt out, no more.";
    printNotice(terminal, `*** UNTRAINED MODEL *** ${name} has random weights: ${consequence}`);
  }
  if (licence) printNotice(terminal, `Licence: ${licence.notice}`);
}

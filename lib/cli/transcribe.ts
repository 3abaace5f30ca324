import type { DeviceName } from "../graph/device.js";
import type { Recogniser, TranscribeOptions } from "../models/whisper/recogniser.js";
import { type AudioSource, describeSource, loadCorpus, loadSource } from "../train/data/index.js";
import { describeError, EXIT, type ExitStatus } from "./failure.js";
import { loadRecogniser } from "./recogniser.js";
import { printNotice, printResult, type Session } from "./terminal.js";

export interface TranscribeCommandOptions {
  readonly model: string;
  readonly device?: DeviceName;
  readonly threads?: number;
  readonly beams: number;
  readonly language?: string;
  readonly json?: boolean;
}

/** `lmspt transcribe IN... --model FOLDER`: a line a file. */
export async function transcribe(
  inputs: string[],
  options: TranscribeCommandOptions,
  session: Session,
): Promise<ExitStatus> {
  const sources = (await loadCorpus(inputs)).map(({ source }) => source);
  const recogniser = await loadRecogniser(options.model, options, session);
  try {
    return await transcribeAll(sources, recogniser, options, session);
  } finally {
    await recogniser.close();
  }
}

/** A recording that cannot be read is told of, and the rest is done. */
async function transcribeAll(
  sources: readonly AudioSource[],
  recogniser: Recogniser,
  { beams, language, json }: TranscribeCommandOptions,
  { terminal, signal }: Session,
): Promise<ExitStatus> {
  const options: TranscribeOptions = { beams, language, signal };
  let status: ExitStatus = EXIT.done;
  for (const source of sources) {
    const file = describeSource(source);
    try {
      const { text, tokens, language } = await recogniser.transcribe(await loadSource(source), options);
      const line = sources.length === 1 ? text : `${file}\t${text}`;
      printResult(terminal, json ? JSON.stringify({ file, text, tokens, language }) : line);
    } catch (error) {
      signal.throwIfAborted();
      printNotice(terminal, `${file}: ${describeError(error)}`);
      status = EXIT.inputFailed;
    }
  }
  return status;
}

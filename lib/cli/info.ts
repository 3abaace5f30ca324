import { extname } from "node:path";
import { TokenArchive } from "../data/token-archive.js";
import { LmsptError } from "../errors.js";
import { explainIo, statIfPresent } from "../io/system-errors.js";
import { describeArchive } from "./describe-archive.js";
import { describeAudio } from "./describe-audio.js";
import { describeModel } from "./describe-model.js";
import { describeTokens } from "./describe-tokens.js";
import type { Description } from "./description.js";
import { AUDIO_EXTENSIONS, TOKEN_EXTENSIONS } from "./extensions.js";
import { EXIT, type ExitStatus } from "./failure.js";
import { withTokenizer } from "./model.js";
import { formatColumns, printResult, type Session } from "./terminal.js";
import { sniffTokenFile } from "./token-formats.js";

export interface InfoOptions {
  readonly json?: boolean;
}

/** `lmspt info FILE|MODEL`: what a token file, a token archive, an audio file or a model is. */
export async function info(subject: string, options: InfoOptions, session: Session): Promise<ExitStatus> {
  const { json, rows, intact } = await describe(subject, session);
  printResult(session.terminal, options.json ? JSON.stringify(json, undefined, 2) : formatColumns(rows));
  return intact ? EXIT.done : EXIT.inputFailed;
}

async function describe(subject: string, session: Session): Promise<Description> {
  const existing = await explainIo(`Cannot look at ${subject}`, () => statIfPresent(subject));
  if (!existing && [...AUDIO_EXTENSIONS, ...TOKEN_EXTENSIONS].includes(extname(subject).toLowerCase())) {
    throw new LmsptError("ERR_LMSPT_IO", `There is no file ${subject}`);
  }
  if (existing?.isDirectory() && (await TokenArchive.isArchive(subject)))
    return describeArchive(subject, session.signal);
  if (!existing?.isFile() || extname(subject) === ".safetensors") {
    const options = { model: subject, device: "cpu", quiet: true } as const;
    return withTokenizer(options, session, async (tokenizer) => describeModel(tokenizer));
  }
  const format = await sniffTokenFile(subject);
  return format ? describeTokens(subject, format, session.signal) : describeAudio(subject, session.signal);
}

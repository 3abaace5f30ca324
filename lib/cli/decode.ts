import { extname } from "node:path";
import type { WavWriteEncoding } from "../audio/wav-format.js";
import type { Tokenizer } from "../models/tokenizer.js";
import { convertAll } from "./batch.js";
import { TOKEN_EXTENSIONS } from "./extensions.js";
import { type ExitStatus, usageFailure } from "./failure.js";
import { locateTarget, planJobs } from "./jobs.js";
import type { ModelOptions } from "./model.js";
import { writeSpeech } from "./outputs.js";
import { decodeIntact } from "./recovery.js";
import { printNotice, type Session } from "./terminal.js";
import { readTokens, sniffTokenFile } from "./token-formats.js";
import { formatCount } from "./units.js";

/** Which codebooks and which decoder make the speech. */
export const DECODE_MODES = ["full", "semantic", "acoustic", "aux"] as const;

export interface DecodeOptions extends ModelOptions {
  readonly output: string;
  readonly mode?: (typeof DECODE_MODES)[number];
  readonly codebooks?: number;
  readonly encoding: WavWriteEncoding;
  readonly force?: boolean;
  /** Decode what is intact of damaged token files. */
  readonly recover?: boolean;
}

/** `lmspt decode IN... -o OUT`: tokens to speech. */
export async function decode(inputs: string[], options: DecodeOptions, session: Session): Promise<ExitStatus> {
  const { force = false, recover = false, mode, codebooks, encoding } = options;
  const target = await locateTarget(inputs, options.output);
  if (target.kind === "file" && extname(target.path).toLowerCase() !== ".wav") {
    throw usageFailure(`Expected --output to end in .wav, or in a slash to mean a folder, but it is ${target.path}`);
  }
  const plan = await planJobs(inputs, target, { inputExtensions: TOKEN_EXTENSIONS, outputExtension: ".wav", force });
  const losses: string[] = [];
  const status = await convertAll(plan, options, session, {
    verb: "Decoded",
    prepare: (tokenizer) => {
      requireCodebooks(codebooks, tokenizer);
      return async ({ input, output }, onProgress) => {
        const what = { mode, codebooks, signal: session.signal, onProgress };
        if (recover && (await sniffTokenFile(input)) === "lmspt") {
          const { speech, frames, seconds, loss } = await decodeIntact(input, tokenizer, what);
          await writeSpeech(output, speech, { encoding, signal: session.signal });
          if (loss !== undefined) losses.push(`Recovered: ${input}: ${loss}`);
          return { seconds, summary: `${formatCount(frames, "frame")}, ${speech.sampleRate} Hz` };
        }
        const tokens = await readTokens(input, tokenizer.tokenSpec);
        const speech = await tokenizer.decode(tokens, what);
        await writeSpeech(output, speech, { encoding, signal: session.signal });
        const summary = `${formatCount(tokens.frames, "frame")}, ${speech.sampleRate} Hz`;
        return { seconds: tokens.samples / tokens.sampleRate, summary };
      };
    },
  });
  for (const loss of losses) printNotice(session.terminal, loss);
  return status;
}

function requireCodebooks(asked: number | undefined, { config }: Tokenizer): void {
  if (asked === undefined || asked <= config.n_codebooks) return;
  throw usageFailure(`Expected 1 to ${config.n_codebooks} for --codebooks, as the model has, but received ${asked}`);
}
